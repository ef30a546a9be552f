"""Finds a JDK and Maven and builds the compiler's jar; standard library only.

Used by the package build and by the repository's commands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

JAVA_BASELINE = 17


class SetupError(Exception):
    """Something the set-up needs is missing, too old or failed; the message says what to do."""


def find_jdk() -> Path:
    """Return the home of the first usable JDK: NNIR_BRIDGE_JAVA, then JAVA_HOME, then PATH."""
    tried = []
    for source, java in _java_candidates():
        problem, home = _inspect(java)
        if home is not None:
            return home
        tried.append(f"  {source}: {problem}")
    raise SetupError(
        f"No JDK {JAVA_BASELINE} or newer was found. Looked for one in:\n"
        + "\n".join(tried)
        + f"\nInstall a JDK {JAVA_BASELINE} or newer (Debian, Ubuntu: apt install "
        "openjdk-17-jdk-headless; Fedora: dnf install java-21-openjdk-devel; macOS: brew install "
        "openjdk) and put it on PATH, or set JAVA_HOME to its directory."
    )


def find_maven() -> str:
    """Return the path of mvn."""
    maven = shutil.which("mvn")
    if maven is None:
        raise SetupError(
            f"Maven was not found: no mvn on PATH ({os.environ.get('PATH', '')}).\n"
            "Install Maven 3.6.3 or newer (Debian, Ubuntu: apt install maven; Fedora: dnf install "
            "maven; macOS: brew install maven)."
        )
    return maven


def maven(root: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line and environment that run Maven on the repository at ``root``."""
    command = [find_maven(), "-B", "-ntp", "-f", str(root / "pom.xml"), *arguments]
    return command, {**os.environ, "JAVA_HOME": str(find_jdk())}


def jar_of(root: Path) -> Path:
    """Return where the repository at ``root`` builds its jar."""
    return root / "java-core" / "target" / "nnir-bridge.jar"


def build_jar(root: Path) -> Path:
    """Build the jar of the repository at ``root`` unless it is newer than its sources."""
    jar = jar_of(root)
    if _is_fresh(jar, root):
        return jar
    command, environment = maven(root, "-q", "-DskipTests", "package")
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0 or not jar.is_file():
        raise SetupError(
            f"Building {jar.name} failed (exit code {done.returncode}); see Maven's output above.\n"
            f"The command was: {' '.join(command)}"
        )
    os.utime(jar)
    return jar


def _is_fresh(jar: Path, root: Path) -> bool:
    if not jar.is_file():
        return False
    sources = [root / "pom.xml", root / "java-core" / "pom.xml"]
    sources += (p for p in (root / "java-core" / "src" / "main").rglob("*") if p.is_file())
    return all(source.stat().st_mtime <= jar.stat().st_mtime for source in sources)


def _java_candidates() -> list[tuple[str, Path | None]]:
    chosen = [(name, os.environ.get(name)) for name in ("NNIR_BRIDGE_JAVA", "JAVA_HOME")]
    chosen.append(("PATH", shutil.which("java")))
    return [(source, Path(java) if java else None) for source, java in chosen]


def _inspect(java: Path | None) -> tuple[str, Path | None]:
    """Return why a candidate cannot be used, or the JDK's home."""
    if java is None:
        return "names none", None
    if java.is_dir():
        java = java / "bin" / "java"
    if not java.is_file():
        return f"{java} does not exist", None
    java = java.resolve()
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{java} cannot be run: {error}", None
    version = re.search(r'version "(?:1\.)?(\d+)', shown.stderr + shown.stdout)
    if version is None:
        return f"{java} does not tell its version", None
    if int(version.group(1)) < JAVA_BASELINE:
        return f"{java} is version {version.group(1)}, which is too old", None
    if not (java.parent / "javac").exists() and not (java.parent / "javac.exe").exists():
        return f"{java} is a JRE (no javac beside it); a JDK is needed to build", None
    return "", java.parent.parent
