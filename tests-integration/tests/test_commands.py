"""What the repository's commands say when a tool is missing."""

import os
from pathlib import Path

import build_jar
import pytest


def fake_java(directory, version, files=("java", "javac")):
    binaries = directory / "bin"
    binaries.mkdir(parents=True)
    for name in files:
        (binaries / name).write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        (binaries / name).chmod(0o755)
    return directory


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Leave only the shell on PATH and no Java anywhere."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("NNIR_BRIDGE_JAVA", raising=False)
    return monkeypatch


def test_without_java_the_message_says_where_it_was_looked_for(bare):
    with pytest.raises(build_jar.SetupError) as error:
        build_jar.find_jdk()
    assert str(error.value).splitlines()[:4] == [
        "No JDK 17 or newer was found. Looked for one in:",
        "  NNIR_BRIDGE_JAVA: names none",
        "  JAVA_HOME: names none",
        "  PATH: names none",
    ]
    assert "apt install openjdk-17-jdk-headless" in str(error.value)


def test_unusable_javas_are_each_given_their_reason(bare, tmp_path):
    old = fake_java(tmp_path / "old", "1.8.0_392")
    runtime_only = fake_java(tmp_path / "jre", "21.0.1", files=["java"])
    bare.setenv("NNIR_BRIDGE_JAVA", str(tmp_path / "absent" / "java"))
    bare.setenv("JAVA_HOME", str(old))
    bare.setenv("PATH", str(runtime_only / "bin"))
    with pytest.raises(build_jar.SetupError) as error:
        build_jar.find_jdk()
    lines = str(error.value).splitlines()
    assert lines[1] == f"  NNIR_BRIDGE_JAVA: {tmp_path / 'absent' / 'java'} does not exist"
    assert lines[2] == f"  JAVA_HOME: {old / 'bin' / 'java'} is version 8, which is too old"
    assert lines[3].endswith("is a JRE (no javac beside it); a JDK is needed to build")


def test_the_first_usable_java_is_taken(bare, tmp_path):
    recent = fake_java(tmp_path / "recent", "25")
    bare.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", "11.0.2")))
    bare.setenv("PATH", f"{recent / 'bin'}{os.pathsep}{tmp_path}")
    assert build_jar.find_jdk() == Path(recent)


def test_without_maven_the_message_says_what_to_install(bare):
    with pytest.raises(build_jar.SetupError, match=r"(?s)no mvn on PATH.*apt install maven"):
        build_jar.find_maven()
