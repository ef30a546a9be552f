"""The number of threads changes no bit; streams of one machine are machines of their own."""

import os

import numpy as np
import pytest
import torch

import vollo_torch
from vollo_compiler import Config, Program

STEPS = 5


class TwoInputs(torch.nn.Module):
    """Two inputs and two outputs, with the time axis in different places."""

    def __init__(self):
        super().__init__()
        self.lstm = vollo_torch.nn.LSTM(96, 160, num_layers=2, batch_first=True)
        self.conv = vollo_torch.nn.PaddedConv1d(64, 160, 4, dilation=2)
        self.head = torch.nn.Linear(160, 5)

    def forward(self, x, y):
        mixed = self.lstm(x) + self.conv(y).transpose(1, 2)
        return self.head(mixed), torch.relu(mixed)


@pytest.fixture(scope="module")
def program():
    torch.manual_seed(3)
    inputs = (torch.randn(1, STEPS, 96), torch.randn(1, 64, STEPS))
    module, _ = vollo_torch.fx.prepare_shape(TwoInputs(), *inputs)
    nnir, axes = vollo_torch.fx.nnir.to_nnir(module).streaming_transform((1, 2))
    assert axes == (1, 1)
    return nnir.to_program(Config.amd_v80_c6b32(), generate_state_reset=True)


def sequences(streams):
    """Return the inputs of several streams: (stream, 1, time, 96) and (stream, 1, 64, time)."""
    generator = np.random.default_rng(7)
    x = generator.standard_normal((streams, 1, STEPS, 96), np.float32)
    y = generator.standard_normal((streams, 1, 64, STEPS), np.float32)
    return x, y


def alone(program, x, y, **options):
    return program.to_vm(**options).run_timesteps((x, y), (1, 2), (1, 1))


@pytest.fixture(scope="module")
def large_program():
    """A model that two threads share even where they leave no processor for Python."""
    torch.manual_seed(4)
    module = torch.nn.Sequential(torch.nn.Linear(2048, 2048), torch.nn.ReLU())
    prepared, _ = vollo_torch.fx.prepare_shape(module, torch.randn(2048))
    return vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.amd_v80_c6b32())


@pytest.mark.parametrize("bit_accurate", [True, False])
@pytest.mark.parametrize("threads", [2, 3])
def test_the_bits_do_not_depend_on_the_number_of_threads(large_program, threads, bit_accurate):
    x = np.random.default_rng(8).standard_normal((3, 2048), np.float32)
    vm = large_program.to_vm(bit_accurate=bit_accurate, num_threads=threads)
    assert 2 <= vm.num_threads <= threads
    assert vm.num_streams is None
    one = large_program.to_vm(bit_accurate=bit_accurate, num_threads=1)
    assert one.num_threads == 1
    for values in x:
        assert vm.run(values).tobytes() == one.run(values).tobytes()


def test_steps_that_take_longer_than_a_receive_waits(large_program):
    x = np.random.default_rng(9).standard_normal((4, 300, 2048), np.float32)
    vm = large_program.to_vm(num_threads=os.cpu_count(), num_streams=300)
    one = large_program.to_vm(num_threads=1)
    for values in x:
        together = vm.run(values)
        for stream in (0, 151, 299):
            assert together[stream].tobytes() == one.run(values[stream]).tobytes()


def test_a_small_model_keeps_to_one_thread_where_two_leave_no_processor(program):
    crowded = len(os.sched_getaffinity(0)) <= 2 if hasattr(os, "sched_getaffinity") else False
    assert program.to_vm(num_threads=2).num_threads == (1 if crowded else 2)


@pytest.mark.parametrize("streams", [1, 6])
def test_each_stream_is_a_machine_of_its_own(program, streams):
    x, y = sequences(streams)
    vm = program.to_vm(num_streams=streams)
    assert vm.num_streams == streams
    together = vm.run_timesteps((x, y), (2, 3), (2, 2))
    for stream in range(streams):
        for got, expected in zip(together, alone(program, x[stream], y[stream]), strict=True):
            assert got[stream].tobytes() == expected.tobytes()


def test_single_steps_of_streams_and_reset(program):
    x, y = sequences(3)
    vm = program.to_vm(num_streams=3)
    first = vm.run((x[:, :, 0], y[..., 0]))
    assert [output.shape for output in first] == [(3, 1, 5), (3, 1, 160)]
    second = vm.run((x[:, :, 0], y[..., 0]))
    assert second[1].tobytes() != first[1].tobytes()
    vm.reset()
    flat = vm.run_flat((x[:, :, 0].ravel(), y[..., 0].ravel()))
    for a, b in zip(first, flat, strict=True):
        assert a.tobytes() == b.tobytes()


def test_streams_want_their_axis(program):
    vm = program.to_vm(num_streams=4)
    x, y = sequences(3)
    with pytest.raises(ValueError) as error:
        vm.run((x[:, :, 0], y[..., 0]))
    assert str(error.value) == (
        "model model0, input 0: shape (3, 1, 96) does not match, want (4, 1, 96)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_threads": 0}, "num_threads: 0 is not from 1 to 64"),
        ({"num_threads": 65}, "num_threads: 65 is not from 1 to 64"),
        ({"num_streams": 0}, "num_streams: 0 is not from 1 to 4096"),
        ({"num_streams": 5000}, "num_streams: 5000 is not from 1 to 4096"),
    ],
)
def test_numbers_that_cannot_be_are_refused(program, options, message):
    with pytest.raises(ValueError) as error:
        program.to_vm(**options)
    assert str(error.value) == message


def test_the_environment_gives_the_number_of_threads(large_program, monkeypatch):
    monkeypatch.setenv("NNIR_BRIDGE_THREADS", "1")
    assert large_program.to_vm().num_threads == 1
    assert large_program.to_vm(num_threads=2).num_threads == 2
    monkeypatch.setenv("NNIR_BRIDGE_THREADS", "two")
    with pytest.raises(ValueError, match="NNIR_BRIDGE_THREADS is 'two'; a number from 1 to 64"):
        large_program.to_vm()


def test_values_beyond_one_inference_are_refused():
    module, _ = vollo_torch.fx.prepare_shape(torch.nn.Identity(), torch.zeros(1 << 18))
    nnir = vollo_torch.fx.nnir.to_nnir(module)
    program: Program = nnir.to_program(Config.amd_v80_c6b32())
    with pytest.raises(ValueError, match="the inputs and outputs of 1024 streams take"):
        program.to_vm(num_streams=1024)
