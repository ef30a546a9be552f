"""The models whose latency on boards is published, host transfer included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

import vollo_compiler
import vollo_torch
from families import Streamed

__all__ = ["MEASURED_MICROS", "Measured", "measured", "program_of"]

BOARDS = ("amd_v80_c6b32", "bittware_ia840f_c3b64", "bittware_ia420f_c6b32")

# Mean microseconds on each of the boards; None where the model does not fit.
MEASURED_MICROS: dict[str, tuple[float | None, float | None, float | None]] = {
    "mlp, batch 1": (1.5, 1.8, 1.8),
    "mlp, batch 4": (1.9, 2.4, 2.8),
    "mlp, batch 8": (2.7, 3.4, 4.1),
    "cnn, 3 x 128": (1.5, 1.7, 1.7),
    "cnn, 3 x 256": (1.8, 1.9, 2.0),
    "cnn, 6 x 256": (2.4, 2.5, 2.8),
    "lstm, 2 x 128": (1.4, 1.7, 1.7),
    "lstm, 3 x 256": (2.0, 2.1, 2.3),
    "lstm, 3 x 480": (3.2, 2.7, None),
    "lstm, 6 x 320": (3.3, 3.1, None),
    "lstm, 3 x 960": (7.3, None, None),
}


@dataclass(frozen=True)
class Measured:
    """A published latency: a model, a board, and mean microseconds; None if it does not fit."""

    name: str
    board: str
    micros: float | None


class ResidualConvolution(nn.Module):
    """``x + ReLU(conv(x))`` on ``(batch, channels, time)``."""

    def __init__(self, channels: int, kernel_size: int = 8) -> None:
        super().__init__()
        self.conv = vollo_torch.nn.PaddedConv1d(channels, channels, kernel_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, channels, time)`` to the same shape."""
        return x + F.relu(self.conv(x))


class LstmHead(nn.Module):
    """LSTM layers and a dense layer on every element of their output."""

    def __init__(self, layers: int, hidden: int, outputs: int = 32) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden, hidden, num_layers=layers)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(time, hidden)`` to ``(time, outputs)``."""
        y: torch.Tensor = self.head(self.lstm(x)[0])
        return y


def measured() -> Iterator[Measured]:
    """Give every published latency."""
    for name, of_boards in MEASURED_MICROS.items():
        for board, micros in zip(BOARDS, of_boards, strict=True):
            yield Measured(name, board, micros)


def _model(name: str) -> Streamed:
    family, sizes = name.split(", ")
    if family == "mlp":
        relu = nn.ReLU()
        layers = (nn.Linear(256, 384), relu, nn.Linear(384, 384), relu, nn.Linear(384, 128))
        batch = int(sizes.removeprefix("batch "))
        # The batch is not streamed: all of it is one inference.
        return Streamed(nn.Sequential(*layers), torch.zeros(batch, 256), None)
    count, width = (int(size) for size in sizes.split(" x "))
    if family == "cnn":
        block = partial(ResidualConvolution, width)
        return Streamed(
            nn.Sequential(*(block() for _ in range(count))), torch.zeros(1, width, 5), 2
        )
    return Streamed(LstmHead(count, width), torch.zeros(5, width), 0)


def program_of(row: Measured) -> vollo_compiler.Program:
    """Compile a model for its board; raises AllocationError when it does not fit."""
    streamed = _model(row.name)
    traced, _ = vollo_torch.fx.prepare_shape(streamed.module, streamed.example)
    nnir = vollo_torch.fx.nnir.to_nnir(traced)
    if streamed.time_axis is not None:
        nnir, _ = nnir.streaming_transform(streamed.time_axis)
    board: vollo_compiler.Config = getattr(vollo_compiler.Config, row.board)()
    return nnir.to_program(board)
