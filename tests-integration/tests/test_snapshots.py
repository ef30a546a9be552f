"""A stream that is resumed from a snapshot goes on with the same bits."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import vollo_torch
from damage import damaged_copies
from examples import CausalCnn, LstmTagger
from vollo_compiler import Config, LoadError, Program, ProgramBuilder

BOARD = Config.amd_v80_c6b32()


class Smoothed(nn.Module):
    """A scan with a long delay behind it."""

    def __init__(self):
        super().__init__()
        self.scan = vollo_torch.nn.Scan(lambda x, s: (s * 0.5 + x, s * 0.5 + x))
        self.conv = vollo_torch.nn.PaddedConv1d(16, 16, 5, dilation=7, groups=16)

    def forward(self, x):
        y = self.scan(x, torch.full((16,), 0.25))
        return self.conv(y.transpose(0, 1))


def streamed(model, x, axis):
    torch.manual_seed(1)
    prepared, _ = vollo_torch.fx.prepare_shape(model, x)
    return vollo_torch.fx.nnir.to_nnir(prepared).streaming_transform(axis)[0]


@pytest.fixture(scope="module")
def program():
    builder = ProgramBuilder(BOARD)
    builder.add_nnir(streamed(CausalCnn(), torch.zeros(1, 32, 5), 2), "cnn")
    builder.add_nnir(streamed(LstmTagger(), torch.zeros(5, 128), 0), "lstm")
    builder.add_nnir(streamed(Smoothed(), torch.zeros(40, 16), 0), "scan")
    return builder.to_program()


def steps(seed, count, streams=None):
    """Return inputs for each model of the program."""
    random = np.random.default_rng(seed)
    front = () if streams is None else (streams,)
    shapes = [(1, 32), (128,), (16,)]
    return [random.standard_normal((count, *front, *s)).astype(np.float32) for s in shapes]


def run(vm, inputs):
    return [vm.run(x, model) for model, xs in enumerate(inputs) for x in xs]


def assert_same_bits(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x.view(np.uint32), y.view(np.uint32))


@pytest.mark.parametrize("before", [0, 1, 4, 29, 41])
def test_another_machine_goes_on_with_the_same_bits(program, before):
    vm, other = program.to_vm(), program.to_vm()
    run(vm, steps(1, before))
    run(other, steps(2, 3))
    other.restore(vm.snapshot())
    assert other.snapshot() == vm.snapshot()
    assert_same_bits(run(vm, steps(3, 37)), run(other, steps(3, 37)))


def test_the_number_of_threads_may_differ(program):
    one, two = program.to_vm(num_threads=1), program.to_vm(num_threads=2)
    run(one, steps(1, 9))
    two.restore(one.snapshot())
    assert two.snapshot() == one.snapshot()
    assert_same_bits(run(two, steps(3, 9)), run(one, steps(3, 9)))


@pytest.mark.parametrize("streams", [1, 3])
def test_all_streams_are_kept(program, streams):
    vm, other = (program.to_vm(num_streams=streams) for _ in range(2))
    run(vm, steps(1, 6, streams))
    other.restore(vm.snapshot())
    assert_same_bits(run(vm, steps(3, 6, streams)), run(other, steps(3, 6, streams)))


def test_a_float32_machine_too(program):
    vm, other = (program.to_vm(bit_accurate=False) for _ in range(2))
    run(vm, steps(1, 6))
    other.restore(vm.snapshot())
    assert_same_bits(run(vm, steps(3, 6)), run(other, steps(3, 6)))


def test_a_stream_can_be_rewound(program):
    vm = program.to_vm()
    run(vm, steps(1, 5))
    kept = vm.snapshot()
    first = run(vm, steps(3, 5))
    vm.restore(kept)
    assert_same_bits(run(vm, steps(3, 5)), first)


def test_a_process_of_its_own_goes_on(program, tmp_path):
    vm = program.to_vm()
    run(vm, steps(1, 5))
    program.save(tmp_path / "p.vollo")
    (tmp_path / "state").write_bytes(vm.snapshot())
    script = f"""
import pathlib, sys, numpy as np, vollo_compiler
vm = vollo_compiler.Program.load({str(tmp_path / "p.vollo")!r}).to_vm()
vm.restore(pathlib.Path({str(tmp_path / "state")!r}).read_bytes())
np.save({str(tmp_path / "out.npy")!r}, vm.run(np.ones((1, 32), np.float32)))
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    expected = vm.run(np.ones((1, 32), np.float32))
    assert_same_bits([np.load(tmp_path / "out.npy")], [expected])


def test_a_loaded_program_takes_the_snapshot_of_the_compiled_one(program):
    vm = program.to_vm()
    run(vm, steps(1, 5))
    other = Program.load_bytes(program.save_bytes()).to_vm()
    other.restore(bytearray(vm.snapshot()))
    assert other.snapshot() == vm.snapshot()


def test_a_program_without_state_has_a_snapshot_too():
    vm = Program.io_only_test(BOARD, 4, 4).to_vm()
    vm.restore(vm.snapshot())


@pytest.fixture(scope="module")
def snapshot(program):
    vm = program.to_vm()
    run(vm, steps(1, 5))
    return vm.snapshot()


def refused(vm, data):
    before = vm.snapshot()
    with pytest.raises(LoadError) as raised:
        vm.restore(data)
    assert vm.snapshot() == before
    return str(raised.value)


def test_a_foreign_snapshot_says_why(program, snapshot):
    other = streamed(CausalCnn(), torch.zeros(1, 32, 5), 2).to_program(BOARD)
    assert refused(other.to_vm(), snapshot) == (
        "the snapshot is of another program; restore it on a machine of the program it was taken of"
    )
    assert refused(program.to_vm(bit_accurate=False), snapshot) == (
        "the snapshot is of a machine in mode BIT_ACCURATE, this one is in mode FLOAT32; make a "
        "machine like it"
    )
    assert refused(program.to_vm(num_streams=4), snapshot) == (
        "the snapshot is of a machine with 1 streams, this one has 4; make one with num_streams=1"
    )
    assert refused(program.to_vm(), program.save_bytes()) == (
        "not a snapshot: it does not start with its mark; give what VM.snapshot returned"
    )


def test_a_damaged_snapshot_says_why(program, snapshot):
    vm = program.to_vm()
    for data in (b"", b"x" * 200):
        assert refused(vm, data).startswith("not a snapshot: ")
    assert refused(vm, snapshot[:40]) == "the snapshot is cut short: it has only 40 bytes"
    version = snapshot[:8] + b"\x09" + snapshot[9:]
    assert refused(vm, version) == (
        "the snapshot has format version 9, this release reads version 1; take it again"
    )
    damaged = (
        "the snapshot is damaged: its checksum does not match its content; copy it again, or take "
        "it again"
    )
    for copy in damaged_copies(snapshot, flips=40, cuts=10):
        assert refused(vm, copy) == damaged


def test_only_bytes_are_taken(program):
    with pytest.raises(TypeError) as raised:
        program.to_vm().restore("text")
    assert str(raised.value) == "data: bytes are needed, got str"
