"""Whatever is in a program file, loading it gives a program or a LoadError, never anything else."""

import gzip
import io
import json
import pickle
import random
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
import torch
from torch import nn

import vollo_torch
from vollo_compiler import Config, LoadError, Program


@pytest.fixture(scope="module")
def program():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
    prepared, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(64))
    return vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.bittware_ia420f_c6b32())


def truncated(data, rng, count):
    for i in range(count):
        # The first ones cut inside the header, where most of the structure is.
        yield data[: i if i < 64 else rng.randrange(len(data))]


def flipped(data, rng, count):
    for i in range(count):
        damaged = bytearray(data)
        for _ in range(1 if i % 2 else rng.randrange(1, 50)):
            # Half of the flips hit the first bytes: magic, version, lengths.
            position = rng.randrange(min(len(data), 256) if i % 4 < 2 else len(data))
            damaged[position] ^= 1 << rng.randrange(8)
        yield bytes(damaged)


def swapped(data, rng, count):
    while count:
        a, b, c = sorted(rng.sample(range(len(data) + 1), 3))
        damaged = data[:a] + data[b:c] + data[a:b] + data[c:]
        if damaged != data:
            count -= 1
            yield damaged


def spliced(data, rng, count):
    for _ in range(count):
        at = rng.randrange(len(data))
        extra = rng.randbytes(rng.randrange(1, 200))
        yield rng.choice([data[:at] + extra + data[at:], data + extra, data[:at] + extra])


def other_formats(rng, count):
    zipped, tarred, arrays = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("weights.bin", rng.randbytes(500))
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    np.save(arrays, np.zeros(8, np.float32))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header
    png += struct.pack(">I", zlib.crc32(b"IHDR" + header))
    onnx = b"\x08\x07\x12\x07pytorch\x3a\x10\x0a\x04\x0a\x01x\x12\x01y\x22\x04Relu"
    samples = [
        b"",
        zipped.getvalue(),
        tarred.getvalue(),
        gzip.compress(rng.randbytes(300)),
        arrays.getvalue(),
        png,
        onnx,
        b"\x7fELF" + rng.randbytes(300),
        b"\xca\xfe\xba\xbe" + rng.randbytes(300),
        b"%PDF-1.7\n",
        pickle.dumps({"weights": [1.0, 2.0]}),
        json.dumps({"version": 1, "nodes": []}).encode(),
        b"#!/bin/sh\nexit 0\n",
        b"\x00" * 4096,
        b"\xff" * 4096,
    ]
    for i in range(count):
        yield samples[i] if i < len(samples) else rng.choice(samples)[:8] + rng.randbytes(200)


def test_a_thousand_damaged_files_are_a_thousand_load_errors(program):
    rng = random.Random(5)
    data = program.save_bytes()
    damaged = [
        *truncated(data, rng, 300),
        *flipped(data, rng, 400),
        *swapped(data, rng, 100),
        *spliced(data, rng, 100),
        *other_formats(rng, 100),
    ]
    assert len(damaged) == 1000
    accepted = []
    for i, content in enumerate(damaged):
        try:
            Program.load_bytes(content)
        except LoadError as error:
            assert str(error)
        else:
            accepted.append(i)
    assert not accepted
    assert Program.load_bytes(data).save_bytes() == data


def test_a_damaged_file_on_disk_is_named(program, tmp_path):
    path = tmp_path / "damaged.vollo"
    path.write_bytes(program.save_bytes()[:-1])
    with pytest.raises(LoadError, match=r"damaged\.vollo"):
        Program.load(path)


def test_a_missing_file_is_a_load_error(tmp_path):
    with pytest.raises(LoadError, match=r"absent\.vollo"):
        Program.load(tmp_path / "absent.vollo")
