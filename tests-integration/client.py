"""A client that uses all of the interface, for the type checker; the tests run it too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

import nnir_bridge
import vollo_compiler
import vollo_rt
import vollo_torch
from vollo_compiler import NNIR, VM, Config, Metrics, NumberFormat, Program, ProgramBuilder

Floats = npt.NDArray[np.float32]


class Model(torch.nn.Module):
    """A layer of every kind that the packages add."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = vollo_torch.nn.PaddedConv1d(4, 4, 2)
        self.lstm = vollo_torch.nn.LSTM(4, 4)
        self.memory = vollo_torch.nn.RecurrentStateLSTM(4, 4)
        self.cell = vollo_torch.nn.LSTMCell(4, 4)
        self.norm = vollo_torch.nn.RMSNorm(4)
        self.ones = vollo_torch.nn.Ones(4)
        self.zeros = vollo_torch.nn.Zeros(4)
        self.scan = vollo_torch.nn.Scan(self.step)

    def step(self, x: torch.Tensor, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one element's output and the next state."""
        hidden = self.cell(x, s)
        return hidden, hidden

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(time, 4)`` to ``(time, 4)``."""
        with vollo_torch.CorePartition([0, 1]), vollo_torch.Fp8Weights():
            x = self.conv(x.transpose(0, 1)).transpose(0, 1)
        with vollo_torch.Fp32Activations():
            x = x + self.ones()
        x = self.norm(self.memory(self.lstm(x)))
        return cast("torch.Tensor", self.scan(x, self.zeros()))


def one(outputs: Floats | tuple[Floats, ...]) -> Floats:
    """Return the only output."""
    assert isinstance(outputs, np.ndarray)
    return outputs


def compiled(directory: Path) -> tuple[Program, torch.Tensor, int]:
    """Trace, store, stream and compile the model."""
    x = torch.randn(5, 4)
    prepared, output = vollo_torch.fx.prepare_shape(Model(), x)
    assert isinstance(output, torch.Tensor) and output.shape == (5, 4)
    assert not vollo_torch.fx.is_vollo_tracing.get()
    vollo_torch.fx.save(torch.nn.Linear(4, 4), torch.zeros(4), directory / "linear.tar.gz")
    _, shape = vollo_torch.fx.load(directory / "linear.tar.gz")
    assert tuple(shape) == (4,)
    nnir: NNIR = vollo_torch.fx.nnir.to_nnir(prepared, NumberFormat.BF16, [NumberFormat.FP32])
    nnir.save(directory / "model.nnir")
    streaming, axis = NNIR.load(directory / "model.nnir").streaming_transform(0)
    assert isinstance(axis, int)
    names: list[str] = [node.operator for node in streaming]
    assert len(streaming) == len(names) and streaming[0].shape == (4,)
    config = Config.amd_v80_c6b32()
    config.clock_mhz = 310
    config.save(directory / "board.json")
    builder = ProgramBuilder(Config.load(directory / "board.json"))
    builder.add_nnir(streaming, "client", generate_state_reset=True, core_indices=[0, 1, 2])
    return builder.to_program(), x, axis


def described(program: Program) -> None:
    """Ask for all that a program tells."""
    cycles: int = program.cycle_count_per_inference(spaced=False)
    micros: float = program.compute_duration_per_inference_us(clock_mhz=300.0)
    figures: dict[str, int] = program.cycle_summary_per_inference()
    metrics: Metrics = program.metrics()
    used: list[int] = metrics.weight_store_used
    dim: int | None = program.model_input_streaming_dim()
    formats: Sequence[NumberFormat] = [program.model_output_number_format()]
    assert cycles and micros and figures and used and dim == 0
    assert formats == [NumberFormat.FP32] and program.model_is_resettable()
    assert program.hw_config().features == ["fp8"] and len(program) == program.num_models()
    program.pack()


def run(program: Program, x: torch.Tensor, axis: int) -> Floats:
    """Run a sequence whole, in parts, and as jobs, with the same bits."""
    vm: VM = program.to_vm(bit_accurate=True, num_threads=1)
    whole = one(vm.run_timesteps(x.numpy(), 0, axis))
    vm.reset()
    first = one(vm.run(x[0].numpy()))
    kept: bytes = vm.snapshot()
    other = program.to_vm()
    other.restore(kept)
    second = one(other.run_flat(x[1].numpy()))
    assert (whole[:2] == np.stack([first, second])).all()
    with vollo_rt.VolloRTContext() as context:
        context.add_vm(0, bit_accurate=True)
        context.add_vm(1, bit_accurate=True)
        context.load_program(program)
        assert context.accelerator_num_cores(0) == context.accelerator_num_cores(1)
        handle: int = context.add_job(x[0], output_formats=[vollo_rt.number_format_fp32])
        handles: list[int] = context.poll()
        assert handles == [handle]
        assert (context.get_result(handle).numpy() == first).all()
    return whole


def main(directory: Path) -> None:
    """Do all of it with files in a directory."""
    nnir_bridge.show_progress(False)
    program, x, axis = compiled(directory)
    described(program)
    run(program, x, axis)
    program.save(directory / "client.vollo")
    try:
        Program.load_bytes(Program.load(directory / "client.vollo").save_bytes()[:-1])
    except vollo_compiler.LoadError:
        return
    raise AssertionError("a program that is cut short was loaded")
