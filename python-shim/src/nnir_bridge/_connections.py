"""The data connections of a gateway: one for each call under way, kept for the next calls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from nnir_bridge._crowded import HAS_PIPES
from nnir_bridge._data import DataConnection

__all__ = ["Connections"]


class Connections:
    """A pool, from which each thread takes a connection at a time.

    Args:
        make: Makes a connection, for steps that need every processor if its argument is true.
    """

    def __init__(self, make: Callable[[bool], DataConnection]) -> None:
        self._make = make
        # By whether they are for steps that need every processor.
        self._idle: tuple[deque[DataConnection], ...] = (deque(), deque())
        # Threads with steps under way, and whether their connections are for such steps. A step
        # that was interrupted before it could give back its connection counts until the next one
        # of its thread.
        self._busy: dict[int, bool] = {}
        self._lock = threading.Lock()

    def take(self) -> DataConnection:
        """Return a connection for a call that is no step."""
        try:
            return self._idle[False].pop()
        except IndexError:
            return self._make(False)

    def take_for_step(self, crowded: bool) -> DataConnection:
        """Return a connection for a step, told whether no other step is under way.

        Args:
            crowded: Whether the step needs every processor; only one such step at a time gets a
                connection for that.
        """
        self._busy[threading.get_ident()] = crowded
        try:
            connection = self._idle[crowded].pop()
        except IndexError:
            connection = self._another(crowded)
        connection.is_lone = len(self._busy) == 1
        return connection

    def give_back(self, connection: DataConnection) -> None:
        """End a call, and keep its connection for later ones."""
        self._idle[connection.crowded].append(connection)
        self._busy.pop(threading.get_ident(), None)

    def drop(self, connection: DataConnection) -> None:
        """End a call that failed, and its connection."""
        connection.abandon()
        self._busy.pop(threading.get_ident(), None)

    def close(self) -> None:
        """Close those that no call has."""
        for idle in self._idle:
            while idle:
                idle.pop().close()

    def _another(self, crowded: bool) -> DataConnection:
        if crowded and not self._claims_every_processor():
            return self.take()
        return self._make(crowded)

    def _claims_every_processor(self) -> bool:
        """Tell whether no other thread's call has a connection for steps that need them."""
        thread = threading.get_ident()
        with self._lock:
            others = [busy for other, busy in list(self._busy.items()) if other != thread]
            is_free = HAS_PIPES and not any(others)
            self._busy[thread] = is_free
            return is_free
