"""The data connections of a gateway: one for each call under way, kept for the next calls."""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections import deque
from collections.abc import Callable

from nnir_bridge._crowded import HAS_PIPES
from nnir_bridge._data import DataConnection

__all__ = ["Connections"]

_CROWDED = -1


class Connections:
    """A pool, from which threads take connections at the same time.

    Args:
        make: Makes a connection, for steps that need every processor if its argument is true.
    """

    def __init__(self, make: Callable[[bool], DataConnection]) -> None:
        self._make = make
        # By whether they are for steps that need every processor.
        self._idle: tuple[deque[DataConnection], ...] = (deque(), deque())
        self._numbers = itertools.count()
        # Numbers of those that are, idle or not, even where an interrupted call lost its one.
        self._alive: set[int] = set()
        self._lock = threading.Lock()

    def take(self, crowded: bool) -> DataConnection:
        """Return a connection for a call, told whether no other call is under way.

        Args:
            crowded: Whether the call is a step that needs every processor; only one such call at a
                time gets a connection for that.
        """
        ordinary, for_all = self._idle
        try:
            connection = (for_all if crowded else ordinary).pop()
        except IndexError:
            connection = self._another(crowded)
        connection.is_lone = len(ordinary) + len(for_all) + 1 == len(self._alive)
        return connection

    def give_back(self, connection: DataConnection) -> None:
        """Keep a connection for later calls."""
        self._idle[connection.crowded].append(connection)

    def close(self) -> None:
        """Close those that no call has."""
        for idle in self._idle:
            while idle:
                idle.pop().close()

    def _another(self, crowded: bool) -> DataConnection:
        if crowded and not self._claims_crowded():
            crowded = False
            with contextlib.suppress(IndexError):
                return self._idle[crowded].pop()
        number = _CROWDED if crowded else next(self._numbers)
        self._alive.add(number)
        try:
            connection = self._make(crowded)
        except BaseException:
            self._alive.discard(number)
            raise
        weakref.finalize(connection, self._alive.discard, number).atexit = False
        return connection

    def _claims_crowded(self) -> bool:
        """Tell whether the one connection for steps that need every processor is to be made."""
        with self._lock:
            is_free = HAS_PIPES and _CROWDED not in self._alive
            if is_free:
                self._alive.add(_CROWDED)
            return is_free
