"""Data connections for steps that need every processor, also that of who waits for them."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any, Final

from nnir_bridge._data import DataConnection, DataLostError
from nnir_bridge._private_directory import PrivateDirectory
from nnir_bridge._region import StepPlan

__all__ = ["HAS_PIPES", "CrowdedConnection"]

HAS_PIPES: Final = hasattr(os, "mkfifo")

_LEADER = "vm-leader"
_WORKER = "vm-worker-"


class CrowdedConnection(DataConnection):
    """A connection on which neither side polls: each sleeps in a pipe until the other is done.

    A pipe wakes its reader on the processor that its writer leaves, in half the time that a socket
    takes. The gateway's threads are bound to a processor each, or Linux might put several of them
    on one.

    Args:
        address: The path of the Unix socket, or the loopback TCP port.
        token: What every connection must begin with.
        directory: Where the files of the region and the pipes are made, for a moment.
        gateway_pid: The process id of the gateway.
    """

    crowded = True

    def __init__(
        self, address: Path | int, token: str, directory: PrivateDirectory, gateway_pid: int
    ) -> None:
        self._gateway_pid = gateway_pid
        self._threads_known = 0
        self._tasks: dict[int, int] = {}
        self._pipes: tuple[io.FileIO, io.FileIO] | None = None
        super().__init__(address, token, directory, polling=False)

    def close(self) -> None:
        """Close the connection and its pipes."""
        super().close()
        for pipe in self._pipes or ():
            pipe.close()

    def _open(self, token: str) -> None:
        super()._open(token)
        paths = [self._directory.new_pipe(), self._directory.new_pipe()]
        try:
            # Opened so that neither waits for the gateway to open the other end.
            requests = io.FileIO(os.open(paths[0], os.O_RDWR), "w")
            responses = io.FileIO(os.open(paths[1], os.O_RDONLY | os.O_NONBLOCK), "r")
            self._send(b"F")
            for path in paths:
                self._send_path(path)
            self._read_reply()
            os.set_blocking(responses.fileno(), True)
            self._pipes = requests, responses
        finally:
            for path in paths:
                path.unlink()

    def _send(self, message: bytes, *numbers: int) -> None:
        if self._pipes is not None:
            self._pipes[0].write(b"M")
        super()._send(message, *numbers)

    def _await_response(self, words: Any, sequence: int, plan: StepPlan) -> None:
        if plan.settling or self._threads_known < plan.threads:
            plan.settling = 0
            self._bind_threads(plan.threads)
        assert self._pipes is not None
        requests, responses = self._pipes
        try:
            requests.write(b"D")
            answer = responses.read(1)
        except OSError as error:
            raise DataLostError(str(error)) from error
        if not answer:
            raise DataLostError("the gateway closed the connection")

    def _bind_threads(self, threads: int) -> None:
        """Bind each thread that shares inferences to a processor, if they have no more than that.

        The leader gets this thread's, whose place it takes: otherwise each would have to wake the
        other on a processor that a worker has.
        """
        if not hasattr(os, "sched_setaffinity"):
            return
        with contextlib.suppress(OSError):
            if self._threads_known < threads:
                # Once, for this takes ten times as long as the rest.
                self._threads_known = threads
                self._tasks = _tasks_by_number(self._gateway_pid)
            processors = sorted(os.sched_getaffinity(self._gateway_pid))
            if len(processors) > threads:
                return
            processors.sort(key=_this_processor().__ne__)
            for number, task in self._tasks.items():
                os.sched_setaffinity(task, {processors[number % len(processors)]})


def _tasks_by_number(gateway_pid: int) -> dict[int, int]:
    """Return the task ids of the gateway's leader, number 0, and workers."""
    tasks = {}
    for task in Path(f"/proc/{gateway_pid}/task").iterdir():
        name = (task / "comm").read_text("ascii").strip()
        if name == _LEADER:
            tasks[0] = int(task.name)
        elif name.startswith(_WORKER):
            tasks[int(name.removeprefix(_WORKER))] = int(task.name)
    return tasks


def _this_processor() -> int:
    """Return the number of the processor that this thread is on."""
    fields = Path("/proc/thread-self/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[36])
