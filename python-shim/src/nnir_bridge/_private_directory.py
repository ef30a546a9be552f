"""The private directory of one gateway: its socket, its log, and for a moment its shared files."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["PrivateDirectory"]

_PREFIX = "nnir-bridge-"
_UNLOCKED_SECONDS = 10.0
_LOG_TAIL_BYTES = 2000


class PrivateDirectory:
    """A directory that only this user can enter, in shared memory where there is such a place.

    It is locked while its Python process lives, so that the next one can tell what is stale.
    """

    def __init__(self) -> None:
        parent = _parent()
        _remove_stale(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = _new_lock(self.path)
        self.log_path = self.path / "gateway.log"

    def new_file(self, size: int) -> tuple[int, Path]:
        """Create a file with ``size`` bytes of real memory and return its descriptor and path."""
        for parent in (self.path, Path(tempfile.gettempdir())):
            descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".region", dir=parent)
            try:
                _reserve(descriptor, size)
            except OSError:
                # A small /dev/shm (containers) is full; an ordinary file does the same, slower.
                os.close(descriptor)
                Path(name).unlink()
                if parent != self.path:
                    raise
                continue
            return descriptor, Path(name)
        raise AssertionError("unreachable")

    def new_pipe(self) -> Path:
        """Create a named pipe and return its path."""
        path = self.path / f"{_PREFIX}{secrets.token_hex(8)}.pipe"
        os.mkfifo(path, 0o600)
        return path

    def log_tail(self) -> str:
        """Return the end of the gateway's log."""
        try:
            return self.log_path.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def remove(self) -> None:
        """Delete the directory and what is in it, if it is still there."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.forget()

    def forget(self) -> None:
        """Give up the lock without touching any file."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lock)
            self._lock = -1


def _parent() -> Path:
    chosen = os.environ.get("NNIR_BRIDGE_RUNTIME_DIR")
    if chosen:
        return Path(chosen)
    shared_memory = Path("/dev/shm")
    if sys.platform == "linux" and os.access(shared_memory, os.W_OK | os.X_OK):
        return shared_memory
    return Path(tempfile.gettempdir())


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _new_lock(directory: Path) -> int:
    """Create the lock file of a directory, locked from the moment others can see it."""
    hidden = directory / "lock.new"
    descriptor = os.open(hidden, os.O_CREAT | os.O_RDWR, 0o600)
    _try_lock(descriptor)
    hidden.rename(directory / "lock")
    return descriptor


def _remove_stale(parent: Path) -> None:
    """Remove what processes left that were killed together with their gateways."""
    for directory in parent.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            try:
                lock = os.open(directory / "lock", os.O_RDWR)
            except FileNotFoundError:
                # Either its process has not come to locking it yet, or was killed before.
                if time.time() - directory.lstat().st_mtime > _UNLOCKED_SECONDS:
                    shutil.rmtree(directory, ignore_errors=True)
                continue
            try:
                if _try_lock(lock):
                    shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(lock)
