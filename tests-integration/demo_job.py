"""The demo's main job: each example in PyTorch and on the virtual machine, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

import vollo_compiler
import vollo_torch
from examples import CausalCnn, LstmTagger, ResidualMlp
from vollo_compiler import NNIR, Config, Program

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    model: str
    board: str
    max_error: float
    cycles: int
    micros: float
    weight_blocks: str
    tensor_ram_blocks: str

    def cells(self) -> list[str]:
        """Return the row as text."""
        return [
            self.model,
            self.board,
            f"{self.max_error:.1e}",
            f"{self.cycles:,}",
            f"{self.micros:.2f}",
            self.weight_blocks,
            self.tensor_ram_blocks,
        ]


HEADINGS = [
    "model",
    "board",
    "max error",
    "cycles",
    "us",
    "weight store, blocks",
    "tensor RAM, blocks",
]


def main() -> None:
    """Run every example and print the table."""
    torch.manual_seed(1)
    rows: list[Row] = []
    for example in (mlp, streaming_cnn, whole_lstm, streaming_lstm, two_models):
        rows += example()
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    print("NNIR Bridge: PyTorch float32 against the bit-accurate VM")
    for line in lines:
        left = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        print("  ".join(left + right))
    print(
        "max error: largest absolute difference; cycles and us: one spaced inference (a time step "
        "for streaming models);\nblocks: the fullest core's use of its capacity"
    )


def mlp() -> list[Row]:
    """A dense model on one input vector."""
    x = torch.randn(784)
    nnir, expected = lower(ResidualMlp(), x)
    program = nnir.to_program(Config.bittware_ia420f_c6b32())
    return [row("MLP", "ia420f c6b32", program, 0, whole(program, 0, x), expected)]


def streaming_cnn() -> list[Row]:
    """A causal convolution, one time step after another."""
    x = torch.randn(1, 32, 5)
    nnir, expected = lower(CausalCnn(), x)
    streamed, axis = nnir.streaming_transform(2)
    program = streamed.to_program(Config.bittware_ia420f_c6b32())
    return [
        row("CNN, streaming", "ia420f c6b32", program, 0, steps(program, 0, x, 2, axis), expected)
    ]


def whole_lstm() -> list[Row]:
    """An LSTM that takes the whole sequence in one inference."""
    x = torch.randn(20, 128)
    nnir, expected = lower(LstmTagger(), x)
    program = nnir.to_program(Config.bittware_ia840f_c3b64())
    return [
        row("LSTM, 20 steps at once", "ia840f c3b64", program, 0, whole(program, 0, x), expected)
    ]


def streaming_lstm() -> list[Row]:
    """The same LSTM with its state kept from step to step."""
    x = torch.randn(20, 128)
    nnir, expected = lower(LstmTagger(), x)
    streamed, axis = nnir.streaming_transform(0)
    program = streamed.to_program(Config.bittware_ia840f_c3b64())
    return [
        row("LSTM, streaming", "ia840f c3b64", program, 0, steps(program, 0, x, 0, axis), expected)
    ]


def two_models() -> list[Row]:
    """Two models in one program, chosen by index."""
    vector, sequence = torch.randn(784), torch.randn(1, 32, 5)
    dense, dense_expected = lower(ResidualMlp(), vector)
    causal, causal_expected = lower(CausalCnn(), sequence)
    streamed, axis = causal.streaming_transform(2)
    builder = vollo_compiler.ProgramBuilder(Config.bittware_ia420f_c6b32())
    builder.add_nnir(dense, "mlp")
    builder.add_nnir(streamed, "cnn")
    program = builder.to_program()
    board = "ia420f c6b32"
    dense_got = whole(program, 0, vector)
    causal_got = steps(program, 1, sequence, 2, axis)
    return [
        row("two models: MLP", board, program, 0, dense_got, dense_expected),
        row("two models: CNN", board, program, 1, causal_got, causal_expected),
    ]


def lower(model: torch.nn.Module, x: torch.Tensor) -> tuple[NNIR, torch.Tensor]:
    """Return a model's NNIR and its PyTorch output."""
    prepared, expected = vollo_torch.fx.prepare_shape(model, x)
    assert isinstance(expected, torch.Tensor)
    return vollo_torch.fx.nnir.to_nnir(prepared), expected


def whole(program: Program, model_index: int, x: torch.Tensor) -> Floats:
    """Return the VM's output for one inference."""
    return single(program.to_vm().run(x.numpy(), model_index=model_index))


def steps(
    program: Program,
    model_index: int,
    x: torch.Tensor,
    in_axis: int,
    out_axis: int | tuple[int, ...],
) -> Floats:
    """Return the VM's outputs for every element of a sequence, stacked."""
    axis = out_axis if isinstance(out_axis, int) else out_axis[0]
    outputs = program.to_vm().run_timesteps(x.numpy(), in_axis, axis, model_index=model_index)
    return single(outputs)


def single(output: Floats | tuple[Floats, ...]) -> Floats:
    """Return the one output."""
    assert isinstance(output, np.ndarray)
    return output


def row(
    name: str,
    board: str,
    program: Program,
    model_index: int,
    got: Floats,
    expected: torch.Tensor,
) -> Row:
    """Compare an output and read the program's figures."""
    metrics = program.metrics()
    return Row(
        name,
        board,
        float(np.abs(got - expected.numpy()).max()),
        program.cycle_count_per_inference(model_index=model_index),
        program.compute_duration_per_inference_us(model_index=model_index),
        f"{max(metrics.weight_store_used)} of {metrics.weight_store_depth}",
        f"{max(metrics.tensor_ram_used)} of {metrics.tensor_ram_depth}",
    )


if __name__ == "__main__":
    main()
