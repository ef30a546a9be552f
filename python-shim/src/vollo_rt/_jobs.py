"""The jobs of a context: queued, then done one after another, their results kept until taken."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from vollo_compiler._arguments import integer

__all__ = ["Jobs"]

# The upper bits of a handle are its context's, so that a handle of another one is never taken for
# an own one, and what has been taken need not be remembered.
_contexts = itertools.count(1)
_CONTEXT_BITS = 40


class Jobs:
    """Jobs in the order in which they were added."""

    def __init__(self) -> None:
        first = next(_contexts) << _CONTEXT_BITS
        self._handles = range(first, first)
        self._queued: deque[tuple[int, Callable[[], Any]]] = deque()
        self._done: dict[int, Callable[[], Any]] = {}
        self._unreported: list[int] = []

    def __len__(self) -> int:
        """How many wait to be done."""
        return len(self._queued)

    def add(self, work: Callable[[], Any]) -> int:
        """Queue a job and return its handle."""
        handle = self._handles.stop
        self._handles = range(self._handles.start, handle + 1)
        self._queued.append((handle, work))
        return handle

    def advance(self) -> None:
        """Do the oldest job that is queued, if there is one; what it raises is its result."""
        if not self._queued:
            return
        handle, work = self._queued.popleft()
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
        if self._queued and handle >= self._queued[0][0]:
            raise ValueError(
                f"user_ctx: job {handle} is not done; call poll until it returns the handle"
            )
        raise ValueError(f"user_ctx: the result of job {handle} has been taken already")


def _raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail
