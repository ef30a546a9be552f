"""The JVM's archive of loaded classes, which makes the next gateways start sooner."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

from nnir_bridge._java import Java

__all__ = ["ClassArchive"]

_KEPT_ARCHIVES = 4
_ABANDONED_SECONDS = 600.0


class ClassArchive:
    """The archive for one Java and one jar, in the user's cache; made by the first gateway.

    The JVM writes it as it ends. It gets its name only when the JVM ended well, so that no other
    JVM ever reads half of one.
    """

    def __init__(self, java: Java, jar: Path) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._directory = cache / "nnir-bridge" / "classes"
        status = jar.stat()
        launcher = java.launcher.resolve()
        key = (launcher, launcher.stat().st_mtime_ns, jar.resolve(), status.st_mtime_ns)
        digest = hashlib.sha256(repr((*key, status.st_size)).encode()).hexdigest()[:16]
        self._archive = self._directory / f"{digest}.jsa"
        self._new = self._directory / f"{digest}.{os.getpid()}.new"
        self.is_new = not self._archive.exists() and self._make_directory()

    def option(self) -> str:
        """Return the JVM's option that reads the archive, or makes it."""
        if self.is_new:
            return f"-XX:ArchiveClassesAtExit={self._new}"
        return f"-XX:SharedArchiveFile={self._archive}"

    def keep(self) -> None:
        """Give a new archive its name, and remove those that are out of use."""
        if not self.is_new:
            return
        with contextlib.suppress(OSError):
            self._new.rename(self._archive)
            archives = sorted(self._directory.glob("*.jsa"), key=lambda path: path.stat().st_mtime)
            for old in archives[:-_KEPT_ARCHIVES]:
                old.unlink()
            for abandoned in self._directory.glob("*.new"):
                if time.time() - abandoned.stat().st_mtime > _ABANDONED_SECONDS:
                    abandoned.unlink()

    def _make_directory(self) -> bool:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return False
        return os.access(self._directory, os.W_OK)
