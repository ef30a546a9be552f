"""What the gateway's tests share: scripts in processes of their own, each with its directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SHIM = HERE.parents[2] / "python-shim" / "src"
sys.path.insert(0, str(HERE))


@dataclass(frozen=True)
class Sandbox:
    """Runs scripts whose gateways keep their private directories in one place."""

    directory: Path

    def environment(self, **changes: str) -> dict[str, str]:
        paths = [str(SHIM), str(HERE), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "NNIR_BRIDGE_RUNTIME_DIR": str(self.directory),
            **changes,
        }

    def start(self, script: str, **changes: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(**changes),
        )

    def run(self, script: str, **changes: str) -> str:
        process = self.start(script, **changes)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        return output

    def gateways(self) -> list[int]:
        """Return the JVMs that were started for this sandbox and still run."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if str(self.directory).encode() in command and b"java" in command and state != "Z":
                    found.append(int(entry.name))
        return found

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())

    def is_clean(self) -> bool:
        return not self.gateways() and not self.leftovers()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc")
    directory = tmp_path / "r"
    directory.mkdir()
    box = Sandbox(directory)
    yield box
    for pid in box.gateways():
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds, with a limit."""

    def wait(holds: Callable[[], bool], seconds: float = 15.0) -> None:
        limit = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < limit, "did not come to hold"
            time.sleep(0.02)

    return wait
