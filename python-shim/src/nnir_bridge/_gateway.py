"""The gateway of this process: started on first use, shared by all threads, never by a fork."""

from __future__ import annotations

import atexit
import itertools
import json
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from nnir_bridge._connections import Connections
from nnir_bridge._control import ControlLostError, ControlPlane
from nnir_bridge._crowded import CrowdedConnection
from nnir_bridge._data import DataConnection, DataLostError, polling_pays
from nnir_bridge._errors import GatewayError, RefusedError
from nnir_bridge._process import GatewayProcess
from nnir_bridge._region import StepPlan

__all__ = ["Gateway", "RemoteObject", "current_gateway"]

_T = TypeVar("_T")
_LOG = logging.getLogger("nnir_bridge")

Floats = npt.NDArray[np.float32]


class Gateway:
    """One JVM with both its planes."""

    def __init__(self) -> None:
        self._process = GatewayProcess()
        self._owner = os.getpid()
        self._obituary: str | None = None
        self._control = ControlPlane(self._process.control_port, self._process.token)
        self._connections = Connections(self._connect)
        self._handles = itertools.count(1 << 32)  # beyond 32 bits, so that all cross as longs
        self._dropped: deque[int] = deque()
        self._polling = self._process.polling and polling_pays()
        _LOG.debug("gateway %d started, log %s", self._process.pid, self._process.directory.path)

    @property
    def pid(self) -> int:
        """The process id of the JVM."""
        return self._process.pid

    def log(self) -> str:
        """Return all of the JVM's log."""
        path = self._process.directory.log_path
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def is_usable(self) -> bool:
        """Tell whether the JVM runs and is this process's own."""
        return self._owner == os.getpid() and self._process.is_alive()

    def call(self, method: str, *arguments: str | int | bool) -> dict[str, Any]:
        """Call a method of the gateway's service.

        Raises:
            GatewayError: The gateway is gone.
            Exception: What the method raised.
        """
        self._check_owner()
        self._release_dropped()
        try:
            return self._control.call(method, *arguments)
        except RefusedError as error:
            raise error.translated() from None
        except ControlLostError:
            raise self._lost() from None

    def create(
        self, method: str, *arguments: str | int | bool
    ) -> tuple[RemoteObject, dict[str, Any]]:
        """Call a method that makes an object under the handle it gets as its first argument."""
        handle = next(self._handles)
        try:
            answer = self.call(method, handle, *arguments)
        except Exception:
            raise
        except BaseException:
            # Interrupted: the gateway may still make the object, and then shall not keep it.
            self._dropped.append(handle)
            raise
        return RemoteObject(self, handle, self._dropped), answer

    def upload_tensors(self, tensors: Sequence[Floats]) -> int:
        """Send tensors and return the handle for the call that takes them."""
        handle = next(self._handles)
        self._with_connection(lambda connection: connection.upload_tensors(handle, tensors))
        return handle

    def upload_bytes(self, data: bytes) -> int:
        """Send bytes and return the handle for the call that takes them."""
        handle = next(self._handles)
        self._with_connection(lambda connection: connection.upload_bytes(handle, data))
        return handle

    def download(self, handle: int) -> bytes:
        """Return the bytes of a program, or of a virtual machine's snapshot."""
        return self._with_connection(lambda connection: connection.download(handle))

    def run_steps(
        self, plan: StepPlan, inputs: Sequence[Floats], nearest_even: bool
    ) -> list[Floats]:
        """Do a sequence of inferences."""
        return self._with_connection(
            lambda connection: connection.run_steps(plan, inputs, nearest_even)
        )

    def step(
        self, plan: StepPlan, arrays: Sequence[npt.NDArray[Any]], nearest_even: bool
    ) -> list[Floats]:
        """Do one inference; this is the path that has to be short."""
        connection = self._connections.take_for_step(plan.crowded)
        try:
            outputs = connection.step(plan, arrays, nearest_even)
        except BaseException as error:
            raise self._after(connection, error) from None
        self._connections.give_back(connection)
        return outputs

    def _with_connection(self, use: Callable[[DataConnection], _T]) -> _T:
        self._check_owner()
        connection = self._connections.take()
        try:
            result = use(connection)
        except BaseException as error:
            raise self._after(connection, error) from None
        self._connections.give_back(connection)
        return result

    def _after(self, connection: DataConnection, error: BaseException) -> BaseException:
        """Keep or drop a connection on which a call failed, and return what to raise."""
        if isinstance(error, RefusedError):
            self._connections.give_back(connection)
            return error.translated()
        self._connections.drop(connection)
        if isinstance(error, DataLostError):
            return self._lost()
        return error

    def _connect(self, crowded: bool) -> DataConnection:
        self._check_owner()
        process = self._process
        where = (process.data_address, process.token, process.directory)
        try:
            if crowded:
                return CrowdedConnection(*where, process.pid)
            return DataConnection(*where, self._polling)
        except DataLostError:
            raise self._lost() from None

    def _check_owner(self) -> None:
        if self._owner != os.getpid():
            raise GatewayError(
                "This object was made before the process forked and belongs to the parent "
                f"process {self._owner}; make it again in the child (or pass program.save_bytes() "
                "and load them there)."
            )

    def _lost(self) -> GatewayError:
        if self._obituary is None:
            self._obituary = self._process.obituary()
        return GatewayError(self._obituary)

    def _release_dropped(self) -> None:
        if not self._dropped:
            return
        handles = []
        while self._dropped:
            handles.append(self._dropped.popleft())
        try:
            self._control.call("release", json.dumps(handles))
        except BaseException:
            self._dropped.extend(handles)
            if self.is_usable():
                raise

    def close(self) -> None:
        """End the JVM."""
        self._connections.close()
        self._control.close()
        self._process.close()

    def abandon(self) -> None:
        """Let go of everything in a forked child."""
        self._connections.close()
        self._control.abandon()
        self._process.abandon()


class RemoteObject:
    """An object in the gateway, freed some time after this one is dropped."""

    __slots__ = ("__weakref__", "gateway", "handle")

    def __init__(self, gateway: Gateway, handle: int, dropped: deque[int]) -> None:
        self.gateway = gateway
        self.handle = handle
        # Only notes the handle; the next call of the gateway frees all that were noted.
        weakref.finalize(self, dropped.append, handle).atexit = False


_lock = threading.RLock()
_gateway: Gateway | None = None
_dead: list[Gateway] = []


def current_gateway() -> Gateway:
    """Return this process's gateway, starting one when there is none or it died."""
    global _gateway
    with _lock:
        if _gateway is not None and not _gateway.is_usable():
            _dead.append(_gateway)  # its log stays until this process ends
            _gateway = None
        if _gateway is None:
            _gateway = Gateway()
        return _gateway


def _end() -> None:
    gateways = _dead if _gateway is None else [*_dead, _gateway]
    for gateway in gateways:
        gateway.close()


def _after_fork_in_child() -> None:
    global _gateway, _lock
    _lock = threading.RLock()
    for gateway in _dead if _gateway is None else [*_dead, _gateway]:
        gateway.abandon()
    _dead.clear()
    _gateway = None


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
