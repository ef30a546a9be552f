"""What the repository's commands need before they can start; standard library only.

A command needs a JDK, Maven and Python. It builds the jar in the checkout, and runs in a Python
environment that lies in the user's cache directory and is shared by all checkouts with the same
``requirements.lock``. The project itself is never installed there: a command points at its own
checkout through the environment variables of :func:`run_environment`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK_FILE = ROOT / "tests-integration" / "requirements.lock"
BENCHMARK_LOCK_FILE = ROOT / "tests-integration" / "requirements-benchmarks.lock"
RUN_TIME_MODULES = ("torch", "numpy", "pyarrow", "py4j", "tqdm")

sys.path.insert(0, str(ROOT / "python-shim"))
from build_jar import SetupError, build_jar, find_jdk, find_maven, jar_of, maven  # noqa: E402

__all__ = [
    "ROOT",
    "SetupError",
    "benchmark_python",
    "build_jar",
    "check_tools",
    "jar_of",
    "locked_python",
    "maven",
    "run_environment",
    "run_job",
    "run_time_python",
]


def check_tools() -> None:
    """Raise SetupError unless there are a JDK, Maven and a recent Python."""
    if sys.version_info < (3, 10):  # noqa: UP036 (this file runs before anything is set up)
        raise SetupError(
            f"Python 3.10 or newer is needed; {sys.executable} is {sys.version.split()[0]}.\n"
            "Install a newer one and run this command with it."
        )
    find_jdk()
    find_maven()


def run_environment() -> dict[str, str]:
    """Return the process environment in which this checkout's packages and jar are used."""
    paths = [str(ROOT / "python-shim" / "src"), str(ROOT / "tests-integration")]
    if "PYTHONPATH" in os.environ:
        paths.append(os.environ["PYTHONPATH"])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "NNIR_BRIDGE_JAR": str(jar_of(ROOT)),
    }


def run_job(job: Path, python: Callable[[], str]) -> int:
    """Build what is missing, then run a script with the command's arguments; gives its exit code.

    Args:
        job: The script.
        python: What gives the Python to run it with.
    """
    try:
        check_tools()
        build_jar(ROOT)
        command = [python(), str(job), *sys.argv[1:]]
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    return subprocess.run(command, env=run_environment(), check=False).returncode


def run_time_python() -> str:
    """Return a Python that can run models: with the caller's own PyTorch where it has one."""
    missing = [name for name in RUN_TIME_MODULES if importlib.util.find_spec(name) is None]
    if "torch" in missing:
        return locked_python()
    if not missing:
        return sys.executable
    # PyTorch and what else the caller has stay the caller's; only what is missing is added.
    seen = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    requirements = [line for line in _locked(LOCK_FILE) if line.split("==")[0] in missing]
    return _environment(requirements, seen_paths=sorted(set(seen)), without_dependencies=True)


def locked_python() -> str:
    """Return the Python of the environment that has exactly the locked packages."""
    return _environment(_locked(LOCK_FILE), seen_paths=[], without_dependencies=False)


def benchmark_python() -> str:
    """Return the Python of an environment that adds the benchmarks' packages to the locked ones."""
    return _environment(
        _locked(BENCHMARK_LOCK_FILE),
        seen_paths=[_site_packages(locked_python())],
        without_dependencies=True,
    )


def _locked(lock_file: Path) -> list[str]:
    lines = lock_file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _environment(
    requirements: Iterable[str], seen_paths: list[str], without_dependencies: bool
) -> str:
    requirements = list(requirements)
    version = "{}.{}".format(*sys.version_info)
    key = "\n".join([*requirements, *seen_paths, sys.base_prefix, sys.version])
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nnir-bridge"
    directory = cache / f"env-py{version}-{digest}"
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = directory / "complete"
    if complete.exists() and python.exists():
        return str(python)
    cache.mkdir(parents=True, exist_ok=True)
    with _exclusive(cache / f"{directory.name}.lock"):
        if not complete.exists():
            print(f"Creating the Python environment {directory} (once) ...", flush=True)
            shutil.rmtree(directory, ignore_errors=True)
            _create(directory, python, requirements, seen_paths, without_dependencies)
            complete.touch()
    return str(python)


def _create(
    directory: Path,
    python: Path,
    requirements: list[str],
    seen_paths: list[str],
    without_dependencies: bool,
) -> None:
    try:
        venv.create(directory, with_pip=True, symlinks=os.name != "nt")
    except (subprocess.CalledProcessError, OSError) as error:
        raise SetupError(
            f"{sys.executable} cannot create a virtual environment: {error}\n"
            "Install its venv module (Debian, Ubuntu: apt install python3-venv)."
        ) from None
    if seen_paths:
        (Path(_site_packages(python)) / "seen.pth").write_text("\n".join(seen_paths) + "\n")
    listed = directory / "requirements.txt"
    listed.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps"] if without_dependencies else []
    if subprocess.run([*command, "-r", str(listed)], check=False).returncode != 0:
        raise SetupError(
            "pip could not install the locked packages; see its output above. Is there a network?"
        )


def _site_packages(python: str | Path) -> str:
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([python, "-c", query], capture_output=True, text=True, check=True)
    return found.stdout.strip()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a file lock, so that two commands at once create an environment once."""
    with path.open("w") as file:
        if os.name != "nt":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
