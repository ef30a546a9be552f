"""What is said when Java or the jar cannot be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnir_bridge import GatewayError
from nnir_bridge._java import find_jar, find_java

INSTALL = (
    "\nInstall Java 17 or newer (Debian, Ubuntu: apt install openjdk-17-jre-headless; Fedora: dnf "
    "install java-21-openjdk-headless; macOS: brew install openjdk) and put it on PATH, or set "
    "NNIR_BRIDGE_JAVA or JAVA_HOME to its directory."
)


@pytest.fixture
def no_java(monkeypatch, tmp_path):
    monkeypatch.delenv("NNIR_BRIDGE_JAVA", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()


def make_java(home: Path, version: str) -> Path:
    launcher = home / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    launcher.chmod(0o755)
    return launcher


@pytest.mark.usefixtures("no_java")
def test_names_every_place_without_java():
    with pytest.raises(GatewayError) as raised:
        find_java()
    assert str(raised.value) == (
        "No Java 17 or newer was found. Looked for one in:\n"
        "  NNIR_BRIDGE_JAVA: not set\n"
        "  JAVA_HOME: not set\n"
        "  PATH: no java there" + INSTALL
    )


@pytest.mark.usefixtures("no_java")
def test_names_what_is_too_old_or_missing(monkeypatch, tmp_path):
    old = make_java(tmp_path / "old", "1.8.0_402")
    monkeypatch.setenv("NNIR_BRIDGE_JAVA", str(tmp_path / "gone"))
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    with pytest.raises(GatewayError) as raised:
        find_java()
    assert str(raised.value) == (
        "No Java 17 or newer was found. Looked for one in:\n"
        f"  NNIR_BRIDGE_JAVA: {tmp_path}/gone does not exist\n"
        f"  JAVA_HOME: {old} is Java 8, which is too old\n"
        "  PATH: no java there" + INSTALL
    )


@pytest.mark.usefixtures("no_java")
def test_takes_the_first_that_can_be_used_and_warns_of_a_wrong_choice(
    monkeypatch, tmp_path, caplog
):
    old = make_java(tmp_path / "old", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "new"))
    launcher = make_java(tmp_path / "new", "21.0.1")
    assert (find_java().launcher, find_java().version) == (launcher, 21)
    assert not caplog.messages
    monkeypatch.setenv("NNIR_BRIDGE_JAVA", str(old))
    assert find_java().launcher == launcher
    assert caplog.messages == [
        f"NNIR_BRIDGE_JAVA: {old} is Java 11, which is too old; {launcher} is used, from JAVA_HOME"
    ]


@pytest.mark.usefixtures("no_java")
def test_reads_the_version_without_starting_java(monkeypatch, tmp_path):
    launcher = make_java(tmp_path / "jdk", "no version")
    (tmp_path / "jdk" / "release").write_text('JAVA_VERSION="17.0.9"\n')
    monkeypatch.setenv("NNIR_BRIDGE_JAVA", str(launcher))
    assert find_java().version == 17


def test_names_the_missing_jar(monkeypatch, tmp_path):
    monkeypatch.setenv("NNIR_BRIDGE_JAR", str(tmp_path / "gone.jar"))
    with pytest.raises(GatewayError) as raised:
        find_jar()
    assert str(raised.value) == (
        f"The compiler's jar is missing: {tmp_path}/gone.jar (from NNIR_BRIDGE_JAR) does not "
        "exist. Install the package again (pip install ./python-shim), or set NNIR_BRIDGE_JAR to "
        "the jar that 'mvn package' makes."
    )


def test_a_jar_that_is_none_gives_the_command_and_the_log(sandbox, tmp_path):
    (tmp_path / "broken.jar").write_text("not a jar")
    process = sandbox.start(
        "import small_models; small_models.board()", NNIR_BRIDGE_JAR=str(tmp_path / "broken.jar")
    )
    _, errors = process.communicate(timeout=60)
    assert "The NNIR Bridge gateway did not start. The command was:\n  " in errors
    assert "and its log ends with:\n" in errors
    assert sandbox.is_clean()
