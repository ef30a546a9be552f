"""The example models: what the demo runs and the integration tests check."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

import vollo_torch


class ResidualMlp(nn.Module):
    """Three dense layers; the hidden one is skipped by a residual connection."""

    def __init__(self, features: int = 784, hidden: int = 128, classes: int = 10) -> None:
        super().__init__()
        self.widen = nn.Linear(features, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(*, features)`` to ``(*, classes)``."""
        hidden = F.relu(self.widen(x))
        logits: torch.Tensor = self.head(hidden + F.relu(self.mix(hidden)))
        return logits


class CausalCnn(nn.Module):
    """Two causal convolutions over a sequence of readings from several channels."""

    def __init__(self, channels: int = 32, hidden: int = 128, kernel_size: int = 3) -> None:
        super().__init__()
        self.first = vollo_torch.nn.PaddedConv1d(channels, hidden, kernel_size)
        self.second = vollo_torch.nn.PaddedConv1d(hidden, 1, kernel_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, channels, time)`` to ``(batch, 1, time)``."""
        return F.relu(self.second(F.relu(self.first(x))))


class LstmTagger(nn.Module):
    """LSTM layers with a dense layer on every element of their output."""

    def __init__(
        self, features: int = 128, hidden: int = 256, tags: int = 16, layers: int = 2
    ) -> None:
        super().__init__()
        self.memory = nn.LSTM(features, hidden, num_layers=layers)
        self.head = nn.Linear(hidden, tags)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(time, features)`` to ``(time, tags)``."""
        hidden, _ = self.memory(x)
        scores: torch.Tensor = self.head(hidden)
        return scores
