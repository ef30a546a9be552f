"""The Java process of one gateway."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nnir_bridge._class_archive import ClassArchive
from nnir_bridge._errors import GatewayError
from nnir_bridge._java import Java, find_jar, find_java
from nnir_bridge._private_directory import PrivateDirectory

__all__ = ["GatewayProcess"]

_START_SECONDS = 60.0
_END_SECONDS = 1.0
_ARCHIVE_SECONDS = 5.0


class GatewayProcess:
    """A JVM that lives until its standard input ends, however this process ends."""

    def __init__(self) -> None:
        java, jar = find_java(), find_jar()
        self._archive = ClassArchive(java, jar)
        self.token = secrets.token_hex(32)
        self.directory = PrivateDirectory()
        unix = hasattr(socket, "AF_UNIX") and os.environ.get("NNIR_BRIDGE_TRANSPORT") != "tcp"
        try:
            self._process = _launch(java, jar, self._archive, self.directory.log_path)
        except OSError as error:
            self.directory.remove()
            raise GatewayError(f"{java.launcher} could not be started: {error}") from None
        try:
            address = self._greet("unix" if unix else "tcp")
        except BaseException:
            self._process.kill()
            self.close()
            raise
        self.pid = self._process.pid
        self.control_port: int = address["control_port"]
        self.data_address: Path | int = (
            self.directory.path / "data.sock" if unix else int(address["data_port"])
        )
        self.polling: bool = address["polling"]

    def is_alive(self) -> bool:
        """Tell whether the JVM runs."""
        return self._process.poll() is None

    def obituary(self) -> str:
        """Return one message that says how the gateway ended and how to go on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        status = self._process.returncode
        ending = "does not answer"
        if status is not None:
            ending = f"was killed by signal {-status}" if status < 0 else f"exited with {status}"
        tail = self.directory.log_tail()
        return (
            f"The NNIR Bridge gateway (Java process {self._process.pid}) {ending}. Its models, "
            "programs and virtual machines are gone; make them again and a new gateway starts by "
            f"itself. Its log is {self.directory.log_path}"
            + (f" and ends with:\n{tail}" if tail else ".")
        )

    def close(self) -> None:
        """End the JVM and remove the private directory."""
        self._close_pipes()
        with contextlib.suppress(subprocess.TimeoutExpired):
            seconds = _ARCHIVE_SECONDS if self._archive.is_new else _END_SECONDS
            if self._process.wait(seconds) == 0:
                self._archive.keep()
        self.directory.remove()

    def abandon(self) -> None:
        """Let go of the JVM in a forked child, whose parent still uses it."""
        self._close_pipes()
        self._process.returncode = 0  # keeps Popen from waiting for another process's child
        self.directory.forget()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _greet(self, transport: str) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        settings = {
            "token": self.token,
            "directory": str(self.directory.path),
            "transport": transport,
        }
        answer = output = b""
        with contextlib.suppress(OSError):
            stdin.write(json.dumps(settings).encode() + b"\n")
            deadline = time.monotonic() + _START_SECONDS
            while not answer:
                if not select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                    break
                piece = os.read(stdout.fileno(), 4096)
                if not piece:
                    break
                output += piece
                # A JVM may warn on standard output too; the answer is the one line of JSON.
                whole_lines = output.split(b"\n")[:-1]
                answer = next((line for line in whole_lines if line.startswith(b"{")), b"")
        try:
            address: dict[str, Any] = json.loads(answer)
        except ValueError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
            raise GatewayError(
                "The NNIR Bridge gateway did not start. The command was:\n"
                f"  {shlex.join(map(str, self._process.args))}\n"  # type: ignore[arg-type]
                f"and its log ends with:\n{self.directory.log_tail()}"
            ) from None
        return address


def _launch(
    java: Java, jar: Path, archive: ClassArchive, log_path: Path
) -> subprocess.Popen[bytes]:
    log = os.open(log_path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            [
                str(java.launcher),
                archive.option(),
                *_options(java, log_path.parent),
                "-cp",
                str(jar),
                _MAIN_CLASS,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
            # Ctrl-C in the terminal is for Python; the JVM is in no foreground process group.
            start_new_session=sys.platform != "win32",
        )
    finally:
        os.close(log)


def _has_huge_pages() -> bool:
    """Tell whether Linux gives large arrays, such as weights, pages of their size on request."""
    try:
        setting = Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text("ascii")
    except OSError:
        return False
    return "[never]" not in setting


_MAIN_CLASS = "org.nnirbridge.gateway.GatewayMain"


def _options(java: Java, directory: Path) -> list[str]:
    options = [
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
        # Large arrays, such as weights, get regions of their own, and so start on a cache line.
        "-XX:+UseG1GC",
        "-XX:G1HeapRegionSize=1m",
        # Machines that were dropped are collected after some 64 MiB of them.
        "-XX:MaxNewSize=64m",
        "-XX:-UsePerfData",
        "-Xlog:disable",
        "-Xlog:all=warning:stderr",
        f"-XX:ErrorFile={directory}/hs_err.log",
        "-Djava.awt.headless=true",
    ]
    if _has_huge_pages():
        options.append("-XX:+UseTransparentHugePages")
    if java.simd:
        options.append("--add-modules=jdk.incubator.vector")
        # SIMD code is a thousand times slower until the JIT compiler has all of it; so sooner.
        options += [
            "-XX:CompileCommand=quiet",
            "-XX:CompileCommand=CompileThresholdScaling,org.nnirbridge.vm.kernel.simd.*::*,0.2",
            # It must know by then which vectors the methods on them see, or makes objects of all.
            "-XX:CompileCommand=CompileThresholdScaling,jdk.incubator.vector.*::*,0.05",
            # A kernel has dozens of copies of these methods, and what each failed at was counted
            # once for each copy: at 100 of them it would no longer trust the class of a vector.
            "-XX:PerMethodTrapLimit=1000",
        ]
    if java.version >= 24:
        options += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return options + shlex.split(os.environ.get("NNIR_BRIDGE_JAVA_OPTIONS", ""))
