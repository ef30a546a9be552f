"""The models whose cycle counts are published, family by family, and the published counts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import vollo_compiler
import vollo_torch

PUBLISHED = Path(__file__).with_name("published_cycles.csv")


@dataclass(frozen=True)
class Row:
    """One published figure: a model of a family on a board."""

    family: str
    preset: str
    case: str
    fits: bool
    spaced: int
    back_to_back: int

    @property
    def sizes(self) -> dict[str, str]:
        """The sizes of the model, by name."""
        return dict(item.split("=") for item in self.case.split(";"))


def published_rows() -> list[Row]:
    """Return all published rows, in the order of the file."""
    with PUBLISHED.open(newline="") as file:
        return [
            Row(
                row["family"],
                row["preset"],
                row["case"],
                row["status"] == "fits",
                int(row["cycles_spaced"] or 0),
                int(row["cycles_back_to_back"] or 0),
            )
            for row in csv.DictReader(file)
        ]


class ResidualNormBlock(nn.Module):
    """``x + Linear(act(Linear(RMSNorm(x))))``."""

    def __init__(self, dim: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=1e-5)
        self.widen = nn.Linear(dim, hidden)
        self.narrow = nn.Linear(hidden, dim)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(*, dim)`` to ``(*, dim)``."""
        h = self.widen(self.norm(x))
        if self.activation == "elu":
            h = torch.where(h >= 0, h, torch.exp(h) - 1)
        else:
            functions: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
                "relu": F.relu,
                "sigmoid": torch.sigmoid,
                "tanh": torch.tanh,
                "softplus": F.softplus,
                "silu": F.silu,
            }
            h = functions[self.activation](h)
        narrowed: torch.Tensor = self.narrow(h)
        return x + narrowed


class ConvolutionBlock(nn.Module):
    """``x + ReLU(conv(RMSNorm(x)))`` on ``(batch, channels, time)``."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(channels, eps=1e-5)
        self.conv = vollo_torch.nn.PaddedConv1d(channels, channels, kernel_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, channels, time)`` to the same shape."""
        normalized = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return x + F.relu(self.conv(normalized))


class StateSpace(nn.Module):
    """``h = A h + B x``, ``y = C h + D x``, one step after another."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.scan = vollo_torch.nn.Scan(StateSpaceStep(dim, hidden))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(time, dim)`` to ``(time, dim)``."""
        y: torch.Tensor = self.scan(x, torch.zeros(self.hidden))
        return y


class StateSpaceStep(nn.Module):
    """One step of a state-space model."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.a = nn.Linear(hidden, hidden, bias=False)
        self.b = nn.Linear(dim, hidden, bias=False)
        self.c = nn.Linear(hidden, dim, bias=False)
        self.d = nn.Linear(dim, dim, bias=False)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the output and the new state of a step."""
        h = self.a(h) + self.b(x)
        return self.c(h) + self.d(x), h


class SequenceLstm(nn.Module):
    """LSTM layers; the output sequence only."""

    def __init__(self, layers: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden, hidden, num_layers=layers, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, time, hidden)`` to the same shape."""
        y: torch.Tensor = self.lstm(x)[0]
        return y


@dataclass(frozen=True)
class Streamed:
    """A model, an example input and its time axis; None for a model that is not streamed."""

    module: nn.Module
    example: torch.Tensor
    time_axis: int | None


def model_of(row: Row) -> Streamed:
    """Build the model of a published row."""
    size = {name: int(value) for name, value in row.sizes.items() if value.isdigit()}
    if row.family == "slp":
        module = nn.Sequential(nn.Linear(size["input"], size["output"]), nn.ReLU())
        return Streamed(module, torch.zeros(1, 5, size["input"]), 1)
    if row.family == "mlp":
        n = size["n_features"]
        layers = [part for _ in range(size["layers"]) for part in (nn.Linear(n, n), nn.ReLU())]
        return Streamed(nn.Sequential(*layers), torch.zeros(1, 5, n), 1)
    if row.family == "mlp-res-rms":
        block = partial(ResidualNormBlock, size["dim"], size["hidden"], row.sizes["activation"])
        return Streamed(nn.Sequential(block(), block()), torch.zeros(1, 5, size["dim"]), 1)
    if row.family == "cnn":
        blocks = [
            ConvolutionBlock(size["channels"], size["kernel_size"]) for _ in range(size["layers"])
        ]
        return Streamed(nn.Sequential(*blocks), torch.zeros(1, size["channels"], 5), 2)
    if row.family == "lstm":
        return Streamed(
            SequenceLstm(size["layers"], size["hidden_size"]),
            torch.zeros(1, 5, size["hidden_size"]),
            1,
        )
    if row.family == "ssm":
        return Streamed(StateSpace(size["dim"], size["hidden"]), torch.zeros(5, size["dim"]), 0)
    raise ValueError(f"no family {row.family}")


def nnir_of(row: Row) -> vollo_compiler.NNIR:
    """Trace and stream the model of a published row."""
    streamed = model_of(row)
    traced, _ = vollo_torch.fx.prepare_shape(streamed.module, streamed.example)
    nnir = vollo_torch.fx.nnir.to_nnir(traced)
    return nnir if streamed.time_axis is None else nnir.streaming_transform(streamed.time_axis)[0]
