"""The jobs of a context: queued, then done one after another, their results kept until taken."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from vollo_compiler._arguments import integer

__all__ = ["Jobs"]

# The upper bits of a handle are its context's, so that a handle of another one is never taken for
# an own one, and what has been taken need not be remembered.
_contexts = itertools.count(1)
_CONTEXT_BITS = 40


class Jobs:
    """Jobs in lanes, one for each machine; those of a lane in the order in which they came."""

    def __init__(self) -> None:
        first = next(_contexts) << _CONTEXT_BITS
        self._handles = range(first, first)
        self._queued: list[deque[tuple[int, Callable[[], Any]]]] = []
        self._done: dict[int, Callable[[], Any]] = {}
        self._unreported: list[int] = []

    def __len__(self) -> int:
        """How many wait to be done."""
        return sum(map(len, self._queued))

    def widen(self, lanes: int) -> None:
        """Make room for the jobs of so many machines, when none wait."""
        self._queued = [deque() for _ in range(lanes)]

    def least_busy(self, lanes: Iterable[int]) -> int:
        """Return that of some lanes in which the fewest wait, the first of equals."""
        return min(lanes, key=lambda lane: len(self._queued[lane]))

    def add(self, lane: int, work: Callable[[], Any]) -> int:
        """Queue a job and return its handle."""
        handle = self._handles.stop
        self._handles = range(self._handles.start, handle + 1)
        self._queued[lane].append((handle, work))
        return handle

    def advance(self) -> None:
        """Do the oldest job of each lane; what one raises is its result."""
        for queued in self._queued:
            if queued:
                self._do(*queued.popleft())

    def _do(self, handle: int, work: Callable[[], Any]) -> None:
        self._unreported.append(handle)
        try:
            result = work()
        except BaseException as error:
            self._done[handle] = _raising(error)
            if not isinstance(error, Exception):
                raise
        else:
            self._done[handle] = lambda: result

    def report(self) -> list[int]:
        """Return the handles of the jobs done since the last report."""
        handles, self._unreported = self._unreported, []
        return handles

    def is_done(self, handle: int) -> bool:
        """Tell whether a job has a result that was not taken yet."""
        return handle in self._done

    def take(self, given: Any) -> Any:
        """Return or raise the result of a job, once."""
        handle = integer("user_ctx", given, most=2**63 - 1)
        if handle in self._done:
            if handle in self._unreported:
                self._unreported.remove(handle)
            return self._done.pop(handle)()
        if handle not in self._handles:
            raise ValueError(f"user_ctx: {handle} is no handle of a job of this context")
        if any(handle == waiting for queued in self._queued for waiting, _ in queued):
            raise ValueError(
                f"user_ctx: job {handle} is not done; call poll until it returns the handle"
            )
        raise ValueError(f"user_ctx: the result of job {handle} has been taken already")


def _raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail
