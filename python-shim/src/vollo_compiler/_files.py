"""Files that are either complete or as they were."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nnir_bridge._errors import LoadError, SaveError

__all__ = ["read", "replace", "write"]

_T = TypeVar("_T")


def write(noun: str, where: str | os.PathLike[str], data: bytes) -> None:
    """Write a file in one step.

    Raises:
        SaveError: It cannot be written.
    """
    path = Path(where)
    try:
        replace(path, data)
    except (OSError, ValueError) as error:
        raise SaveError(f"{path}: the {noun} could not be written: {_reason(error)}") from None


def read(noun: str, where: str | os.PathLike[str], load: Callable[[bytes], _T]) -> _T:
    """Read a file and return what ``load`` makes of its bytes.

    Raises:
        LoadError: It cannot be read, or ``load`` refuses its bytes.
    """
    path = Path(where)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise LoadError(f"{path}: the {noun} could not be read: {_reason(error)}") from None
    try:
        return load(data)
    except LoadError as error:
        raise LoadError(f"{path}: {error}") from None


def replace(path: Path, data: bytes) -> None:
    """Put a new file in the place of an old one in one step; behind a link, of what it leads to.

    A device or a pipe, which has no content to keep, is written to.

    Raises:
        OSError: It cannot be written; the error names ``path``, not the file in between.
    """
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None


def _replace(path: Path, data: bytes) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _reason(error: OSError | ValueError) -> str:
    """Say why; a ValueError is about a path that no file can have."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _mode(path: Path) -> int:
    """Return the permissions that writing ``path`` in place would have left."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
