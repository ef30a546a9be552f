"""Program files are written whole or not at all, and only valid ones are read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import small_models

from vollo_compiler import LoadError, Program, SaveError


@pytest.fixture(scope="module")
def program() -> Program:
    return small_models.dense(16).to_program(small_models.board())


def test_save_and_load_give_the_same_program(program, tmp_path):
    path = tmp_path / "model.vollo"
    program.save(path)
    loaded = Program.load(path)
    x = np.linspace(-1, 1, 16, dtype=np.float32)
    assert loaded.to_vm().run(x).tobytes() == program.to_vm().run(x).tobytes()
    assert loaded.save_bytes() == path.read_bytes() == program.save_bytes()
    assert loaded.metrics() == program.metrics()
    assert loaded.hw_config() == program.hw_config()


def test_saved_file_has_ordinary_permissions(program, tmp_path):
    old = os.umask(0o027)
    try:
        program.save(tmp_path / "model.vollo")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "model.vollo").stat().st_mode) == 0o640


def test_save_leaves_the_old_file_when_it_fails(program, tmp_path, monkeypatch):
    path = tmp_path / "model.vollo"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError) as raised:
        program.save(path)
    assert str(raised.value) == (
        f"{path}: the program could not be written: No space left on device"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["model.vollo"]
    assert path.read_bytes() == b"old"


def test_save_into_a_missing_directory(program, tmp_path):
    path = tmp_path / "gone" / "model.vollo"
    with pytest.raises(SaveError) as raised:
        program.save(path)
    assert str(raised.value) == (
        f"{path}: the program could not be written: No such file or directory"
    )


def test_load_of_a_missing_file(tmp_path):
    with pytest.raises(LoadError) as raised:
        Program.load(tmp_path / "gone.vollo")
    assert str(raised.value) == (
        f"{tmp_path}/gone.vollo: the program could not be read: No such file or directory"
    )


def test_load_of_a_directory(tmp_path):
    with pytest.raises(LoadError, match="the program could not be read: Is a directory"):
        Program.load(tmp_path)


def test_load_names_the_file_that_is_no_program(tmp_path):
    path: Path = tmp_path / "other.vollo"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(LoadError) as raised:
        Program.load(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_load_bytes_refuses_truncated_and_altered_programs(program):
    data = program.save_bytes()
    random = np.random.default_rng(11)
    broken = [b"", data[:1], data[:-1], data + b"\0"]
    broken += [data[: random.integers(len(data))] for _ in range(50)]
    for _ in range(50):
        altered = bytearray(data)
        altered[random.integers(len(data))] ^= 1 << int(random.integers(8))
        broken.append(bytes(altered))
    for case in broken:
        with pytest.raises(LoadError):
            Program.load_bytes(case)
    assert Program.load_bytes(data).num_models() == 1
