"""The data plane: connections over which values cross, each with its shared region."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from nnir_bridge import _arrow
from nnir_bridge._errors import RefusedError
from nnir_bridge._private_directory import PrivateDirectory
from nnir_bridge._region import (
    CANCEL,
    CLIENT_SLEEPS,
    CROWDED,
    GATEWAY_SLEEPS,
    MODEL_INDEX,
    REQUEST,
    RESPONSE,
    ROUNDING,
    STATUS,
    VALUES,
    VM_HANDLE,
    WAITED,
    Region,
    StepPlan,
)

__all__ = ["DataConnection", "DataLostError", "polling_pays"]

Floats = npt.NDArray[np.float32]
_T = TypeVar("_T")

_FIRST_REGION_BYTES = 1 << 16
_FIRST_POLLS = 2000
# A poll takes some 30 to 60 ns, so these are for two or three times the last wait.
_LAST_WAIT_NANOS_PER_POLL = 20
_LONGEST_POLLED_NANOS = 3_000_000
_SETTLING = 8
_LONGEST_SLEEP_MILLIS = 1000


class DataLostError(Exception):
    """The gateway closed a data connection."""


def polling_pays() -> bool:
    """Tell whether this side may poll: never on one processor, and only with x86's store order."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1


class DataConnection:
    """One authenticated connection; used by one call at a time.

    Args:
        address: The path of the Unix socket, or the loopback TCP port.
        token: What every connection must begin with.
        directory: Where the file of a shared region is made.
        polling: Whether to poll for a response before sleeping.

    Attributes:
        crowded: Whether it is for steps that need every processor.
        is_lone: Whether no other step is under way.
    """

    crowded = False
    is_lone = True

    def __init__(
        self, address: Path | int, token: str, directory: PrivateDirectory, polling: bool
    ) -> None:
        self._directory = directory
        self._polling = polling
        self._sequence = 0
        self._socket = _connect(address)
        self._poller = select.poll() if hasattr(select, "poll") else None
        if self._poller is not None:
            self._poller.register(self._socket, select.POLLIN)
        self._stream = _SocketStream(self._socket)
        try:
            self._open(token)
        except OSError as error:
            self.close()
            raise DataLostError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def _open(self, token: str) -> None:
        self._socket.sendall(token.encode("ascii"))
        self._map_region(_FIRST_REGION_BYTES)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def abandon(self) -> None:
        """Tell the gateway to stop what it does for this connection, and close it."""
        self._region.words[CANCEL] = 1
        self.close()

    def step(
        self, plan: StepPlan, arrays: Sequence[npt.NDArray[Any]], nearest_even: bool
    ) -> list[Floats]:
        """Do one inference; the arrays have the plan's shapes and a float dtype."""
        region = self._region
        bound, source, target = plan.bound
        if bound is not region:
            if region.size < VALUES + plan.size:
                self._map_region(VALUES + plan.size)
                region = self._region
            source, target = region.bind(plan)
        for view, array in zip(source, arrays):  # noqa: B905 (checked by the caller)
            view[...] = array
        words = region.words
        self._sequence = sequence = self._sequence + 1
        words[VM_HANDLE] = plan.handle
        words[MODEL_INDEX] = plan.model_index
        words[ROUNDING] = nearest_even
        words[WAITED] = plan.waited
        began = time.perf_counter_ns()
        words[REQUEST] = sequence
        self._await_response(words, sequence, plan)
        if words[STATUS]:
            raise RefusedError(json.loads(region.error_text())["error"])
        plan.waited = time.perf_counter_ns() - began
        crowded = words[CROWDED] == 1
        if crowded != plan.crowded:
            plan.crowded = crowded
            plan.settling = _SETTLING
        return [view.copy() for view in target]

    def run_steps(
        self, plan: StepPlan, inputs: Sequence[Floats], nearest_even: bool
    ) -> list[Floats]:
        """Do a sequence of inferences; each array has the shape (steps, values per step)."""

        def send() -> None:
            self._send(b"T", plan.handle, plan.model_index, int(nearest_even))
            _arrow.write_steps(inputs, self._stream)

        sizes = [int(np.prod(shape, dtype=np.int64)) for _, shape in plan.outputs]
        return self._exchange(send, lambda: _arrow.read_steps(self._stream, sizes))

    def upload_tensors(self, handle: int, tensors: Sequence[Floats]) -> None:
        """Send tensors, to be known by a handle."""

        def send() -> None:
            self._send(b"W", handle)
            _arrow.write_tensors(tensors, self._stream)

        self._exchange(send, lambda: None)

    def upload_bytes(self, handle: int, data: bytes) -> None:
        """Send bytes, to be known by a handle."""

        def send() -> None:
            self._send(b"B", handle)
            _arrow.write_bytes(data, self._stream)

        self._exchange(send, lambda: None)

    def download(self, handle: int) -> bytes:
        """Return the bytes of a program, or of a virtual machine's snapshot."""
        return self._exchange(
            lambda: self._send(b"P", handle), lambda: _arrow.read_bytes(self._stream)
        )

    def _exchange(self, send: Callable[[], None], receive: Callable[[], _T]) -> _T:
        try:
            send()
            self._read_reply()
            return receive()
        except OSError as error:
            raise DataLostError(str(error)) from error

    def _send(self, message: bytes, *numbers: int) -> None:
        self._socket.sendall(message + struct.pack(f"<{len(numbers)}q", *numbers))

    def _send_path(self, path: Path) -> None:
        name = os.fsencode(path)
        self._socket.sendall(struct.pack("<q", len(name)) + name)

    def _read_reply(self) -> None:
        kind = self._stream.read(1)
        while kind == b"d":  # a doorbell that nobody needed any more
            kind = self._stream.read(1)
        if kind == b"E":
            (length,) = struct.unpack("<q", self._stream.read(8))
            raise RefusedError(json.loads(self._stream.read(length))["error"])

    def _map_region(self, size: int) -> None:
        size = 1 << (size - 1).bit_length()
        descriptor, path = self._directory.new_file(size)
        try:
            region = Region(descriptor, size)
            self._send(b"M", size)
            self._send_path(path)
            self._read_reply()
        except OSError as error:
            raise DataLostError(str(error)) from error
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
        self._region = region
        self._sequence = 0

    def _ring(self) -> None:
        try:
            self._socket.send(b"D")
        except OSError as error:
            raise DataLostError(str(error)) from error

    def _await_response(self, words: Any, sequence: int, plan: StepPlan) -> None:
        if words[GATEWAY_SLEEPS]:
            self._ring()
        if plan.settling:
            # The gateway's thread may be waiting for this processor, and a sleep lets it run.
            plan.settling -= 1
        # To poll is to hold the interpreter's lock, which the threads of other steps need.
        elif self._polling and self.is_lone and plan.waited < _LONGEST_POLLED_NANOS:
            for _ in range(_FIRST_POLLS + plan.waited // _LAST_WAIT_NANOS_PER_POLL):
                if words[RESPONSE] == sequence:
                    return
        self._sleep(words, sequence)

    def _sleep(self, words: Any, sequence: int) -> None:
        """Wait for a response on the socket.

        Neither side's "I sleep" and the other's "it is there" are ordered by this interpreter, so
        the first sleeps are short and both words are looked at again after each.
        """
        words[CLIENT_SLEEPS] = 1
        try:
            millis = 1
            while words[RESPONSE] != sequence:
                if words[GATEWAY_SLEEPS]:
                    self._ring()
                if self._wait_for_socket(millis) and not self._socket.recv(64):
                    raise DataLostError("the gateway closed the connection")
                millis = min(2 * millis, _LONGEST_SLEEP_MILLIS)
        except OSError as error:
            raise DataLostError(str(error)) from error
        finally:
            words[CLIENT_SLEEPS] = 0

    def _wait_for_socket(self, millis: int) -> bool:
        if self._poller is not None:
            return bool(self._poller.poll(millis))
        return bool(select.select([self._socket], [], [], millis / 1000)[0])


def _connect(address: Path | int) -> socket.socket:
    try:
        if isinstance(address, Path):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(str(address))
        else:
            connection = socket.create_connection(("127.0.0.1", address))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise DataLostError(str(error)) from error
    return connection


class _SocketStream:
    """A socket as the unbuffered file that Arrow reads and writes; it leaves the socket open."""

    closed = False

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def read(self, size: int = -1) -> bytes | bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            received = self._socket.recv_into(view)
            if not received:
                raise DataLostError("the gateway closed the connection")
            view = view[received:]
        return bytes(data) if size < 64 else data

    def write(self, data: Any) -> int:
        self._socket.sendall(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""
