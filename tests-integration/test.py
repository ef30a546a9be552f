"""Run all checks and tests: ``python3 tests-integration/test.py``.

Needs a JDK 17 or newer, Maven and Python 3.10 or newer; everything else is set up by itself. Extra
arguments go to pytest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bootstrap

SUREFIRE_REPORTS = bootstrap.ROOT / "java-core" / "target" / "surefire-reports"
PYTEST_REPORT = bootstrap.ROOT / "target" / "pytest.xml"


@dataclass(frozen=True)
class Outcome:
    """What one step of the run gave."""

    step: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def main() -> int:
    """Run every step, whatever the ones before gave, and print the summary."""
    try:
        bootstrap.check_tools()
    except bootstrap.SetupError as error:
        print(error, file=sys.stderr)
        return 2
    environment = _LockedEnvironment()
    outcomes = _maven()
    try:
        python = environment.python()
        bootstrap.build_jar(bootstrap.ROOT)
    except bootstrap.SetupError as error:
        print(error, file=sys.stderr)
        outcomes.append(Outcome("environment", 0, 1, 0, 0.0))
        return _summary(outcomes)
    outcomes += [
        _check("ruff check", [python, "-m", "ruff", "check", "."]),
        _check("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        _check("mypy --strict", [python, "-m", "mypy"]),
        _pytest(python, sys.argv[1:]),
    ]
    return _summary(outcomes)


class _LockedEnvironment:
    """The Python environment, made while Maven runs."""

    def __init__(self) -> None:
        self._python = ""
        self._error: bootstrap.SetupError | None = None
        self._thread = threading.Thread(target=self._make)
        self._thread.start()

    def _make(self) -> None:
        try:
            self._python = bootstrap.locked_python()
        except bootstrap.SetupError as error:
            self._error = error

    def python(self) -> str:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._python


def _maven() -> list[Outcome]:
    """Run the Java build, benchmarks too, with its tests, formatting, lint and layering checks."""
    shutil.rmtree(SUREFIRE_REPORTS, ignore_errors=True)
    command, environment = bootstrap.maven(bootstrap.ROOT, "-Pjmh", "verify")
    started = time.monotonic()
    status = _run("Maven: build, formatting, lint, layering, unit tests", command, environment)
    seconds = time.monotonic() - started
    passed, failed, skipped = _counts(SUREFIRE_REPORTS.glob("TEST-*.xml"))
    # The build may also fail without a failing test.
    build = Outcome("Maven build", int(status == 0), int(status != 0 and not failed), 0, seconds)
    return [build, Outcome("Maven tests (Surefire)", passed, failed, skipped, 0.0)]


def _pytest(python: str, arguments: list[str]) -> Outcome:
    PYTEST_REPORT.parent.mkdir(exist_ok=True)
    PYTEST_REPORT.unlink(missing_ok=True)
    command = [python, "-m", "pytest", f"--junitxml={PYTEST_REPORT}", *arguments]
    started = time.monotonic()
    status = _run("pytest", command, bootstrap.run_environment())
    seconds = time.monotonic() - started
    passed, failed, skipped = _counts([PYTEST_REPORT] if PYTEST_REPORT.exists() else [])
    failed += 0 if status == 0 or failed else 1
    return Outcome("pytest", passed, failed, skipped, seconds)


def _check(name: str, command: list[str]) -> Outcome:
    started = time.monotonic()
    status = _run(name, command, bootstrap.run_environment())
    return Outcome(name, int(status == 0), int(status != 0), 0, time.monotonic() - started)


def _run(title: str, command: list[str], environment: dict[str, str]) -> int:
    print(f"\n=== {title}", flush=True)
    return subprocess.run(command, cwd=bootstrap.ROOT, env=environment, check=False).returncode


def _counts(reports: Iterable[Path]) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped according to JUnit reports."""
    total = failed = skipped = 0
    for report in reports:
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def _summary(outcomes: list[Outcome]) -> int:
    print("\n=== Summary")
    print(f"{'step':26}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for o in outcomes:
        print(f"{o.step:26}{o.passed:8}{o.failed:8}{o.skipped:9}{o.seconds:9.1f}")
    passed, failed, skipped = (
        sum(getattr(o, field) for o in outcomes) for field in ("passed", "failed", "skipped")
    )
    seconds = sum(o.seconds for o in outcomes)
    print(f"{'total':26}{passed:8}{failed:8}{skipped:9}{seconds:9.1f}")
    print("FAILED" if failed else "PASSED")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
