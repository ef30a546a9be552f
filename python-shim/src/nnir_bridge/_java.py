"""Finds the Java that runs the gateway, and the gateway's jar."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nnir_bridge._errors import GatewayError

__all__ = ["JAVA_BASELINE", "Java", "find_jar", "find_java"]

JAVA_BASELINE = 17
_LOG = logging.getLogger("nnir_bridge")


@dataclass(frozen=True)
class Java:
    """A Java launcher, its feature version, and whether it has the module for SIMD."""

    launcher: Path
    version: int
    simd: bool = False


def find_java() -> Java:
    """Return the first Java that can be used: NNIR_BRIDGE_JAVA, then JAVA_HOME, then PATH.

    One that NNIR_BRIDGE_JAVA names and that cannot be used is warned of.

    Raises:
        GatewayError: There is none; the message says what was looked for where.
    """
    tried: list[str] = []
    for place, named in _candidates():
        found = _inspect(named) if named else "not set" if place != "PATH" else "no java there"
        if isinstance(found, Java):
            if os.environ.get("NNIR_BRIDGE_JAVA") and place != "NNIR_BRIDGE_JAVA":
                _LOG.warning("%s; %s is used, from %s", tried[0].strip(), found.launcher, place)
            return found
        tried.append(f"  {place}: {found}")
    raise GatewayError(
        f"No Java {JAVA_BASELINE} or newer was found. Looked for one in:\n"
        + "\n".join(tried)
        + f"\nInstall Java {JAVA_BASELINE} or newer (Debian, Ubuntu: apt install "
        "openjdk-17-jre-headless; Fedora: dnf install java-21-openjdk-headless; macOS: brew "
        "install openjdk) and put it on PATH, or set NNIR_BRIDGE_JAVA or JAVA_HOME to its "
        "directory."
    )


def find_jar() -> Path:
    """Return the gateway's jar: NNIR_BRIDGE_JAR, else the one in this package."""
    chosen = os.environ.get("NNIR_BRIDGE_JAR")
    jar = Path(chosen) if chosen else Path(__file__).parent / "_jar" / "nnir-bridge.jar"
    if not jar.is_file():
        source = "NNIR_BRIDGE_JAR" if chosen else "the installed package"
        raise GatewayError(
            f"The compiler's jar is missing: {jar} (from {source}) does not exist. Install the "
            "package again (pip install ./python-shim), or set NNIR_BRIDGE_JAR to the jar that "
            "'mvn package' makes."
        )
    return jar


def _candidates() -> list[tuple[str, str | None]]:
    return [
        ("NNIR_BRIDGE_JAVA", os.environ.get("NNIR_BRIDGE_JAVA")),
        ("JAVA_HOME", os.environ.get("JAVA_HOME")),
        ("PATH", shutil.which("java")),
    ]


def _inspect(named: str) -> Java | str:
    """Return the Java that a path names, or why it cannot be used."""
    launcher = Path(named)
    if launcher.is_dir():
        launcher = launcher / "bin" / ("java.exe" if os.name == "nt" else "java")
    if not launcher.is_file():
        return f"{launcher} does not exist"
    release = _release(launcher)
    version = _feature_version(r'JAVA_VERSION="(?:1\.)?(\d+)', release)
    version = version or _printed_version(launcher)
    if version is None:
        return f"{launcher} does not run as Java"
    if version < JAVA_BASELINE:
        return f"{launcher} is Java {version}, which is too old"
    return Java(launcher, version, simd="jdk.incubator.vector" in release)


def _release(launcher: Path) -> str:
    """Read the description that lies in every JDK; it saves starting a JVM."""
    try:
        return (launcher.resolve().parent.parent / "release").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _printed_version(launcher: Path) -> int | None:
    try:
        shown = subprocess.run(
            [launcher, "-version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return _feature_version(r'version "(?:1\.)?(\d+)', shown.stderr + shown.stdout)


def _feature_version(pattern: str, text: str) -> int | None:
    match = re.search(pattern, text)
    return int(match.group(1)) if match else None
