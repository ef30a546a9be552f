"""What the peers are compared on: each model for the compiler, and as steps for the peers.

A step for a peer is a module that maps an input and states to an output and new states, or a numpy
function that keeps its states itself. All take the weights of the one model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

import numpy_steps
import torch_steps
from examples import CausalCnn, LstmTagger, ResidualMlp
from numpy_steps import Array
from torch_steps import Product, Step
from vollo_compiler import Config

SEED = 20


@dataclass(frozen=True)
class Workload:
    """One model in every form that is compared.

    Attributes:
        name: As it stands in the table.
        board: The configuration it is compiled for.
        model: What the compiler is given.
        example: The model's input, with its time axis.
        time_axis: The axis that the model is streamed over, if it is.
        modules: A step of PyTorch's own layers.
        products: A step of plain products and functions.
        numpy_step: Makes a step in numpy, with buffers of its own.
    """

    name: str
    board: Callable[[], Config]
    model: nn.Module
    example: torch.Tensor
    time_axis: int | None
    modules: Step
    products: Callable[[Product], Step]
    numpy_step: Callable[[], Callable[[Array], Array]]

    def inputs(self, count: int) -> list[Array]:
        """Return random inputs for steps, each with the shape that peers take."""
        shape = list(self.example.shape)
        if self.time_axis is not None:
            del shape[self.time_axis]
        random = np.random.default_rng(SEED)
        return [random.standard_normal(shape).astype(np.float32) for _ in range(count)]


def all_workloads() -> list[Workload]:
    """Return the workloads of the comparison, from small to large."""
    return [
        mlp("MLP 784-128-128-10", 784, 128, 10),
        cnn("CNN step 32-128-1", 32, 128),
        lstm("LSTM step 2x256", Config.bittware_ia840f_c3b64, 128, 256, 2, 16),
        lstm_sequence("LSTM 2x256 20 steps", 20, 128, 256, 16),
        lstm("LSTM step 3x480", Config.amd_v80_c6b32, 480, 480, 3, 32),
        lstm("LSTM step 3x960", Config.amd_v80_c6b32, 960, 960, 3, 32),
    ]


def mlp(name: str, features: int, hidden: int, classes: int) -> Workload:
    """Return the residual dense model."""
    torch.manual_seed(SEED)
    model = ResidualMlp(features, hidden, classes).eval()
    return Workload(
        name,
        Config.bittware_ia420f_c6b32,
        model,
        torch.randn(features),
        None,
        torch_steps.MlpModules(model),
        partial(torch_steps.MlpProducts, model),
        partial(numpy_steps.mlp, model),
    )


def cnn(name: str, channels: int, hidden: int) -> Workload:
    """Return one step of the two causal convolutions."""
    torch.manual_seed(SEED)
    model = CausalCnn(channels, hidden).eval()
    with torch.no_grad():
        model.second.conv.bias.fill_(2)  # type: ignore[union-attr] # opens the last ReLU
    return Workload(
        name,
        Config.bittware_ia420f_c6b32,
        model,
        torch.randn(1, channels, 5),
        2,
        torch_steps.CnnModules(model),
        partial(torch_steps.CnnProducts, model),
        partial(numpy_steps.cnn, model),
    )


def lstm(
    name: str, board: Callable[[], Config], features: int, hidden: int, layers: int, tags: int
) -> Workload:
    """Return one time step of an LSTM with a dense layer after it."""
    model = _tagger(features, hidden, layers, tags)
    return Workload(
        name,
        board,
        model,
        torch.randn(2, features),
        0,
        torch_steps.LstmModules(model, streaming=True),
        partial(torch_steps.LstmProducts, model),
        partial(numpy_steps.lstm, model),
    )


def lstm_sequence(name: str, steps: int, features: int, hidden: int, tags: int) -> Workload:
    """Return a whole sequence through two LSTM layers with a dense layer after them."""
    model = _tagger(features, hidden, 2, tags)
    return Workload(
        name,
        Config.bittware_ia840f_c3b64,
        model,
        torch.randn(steps, features),
        None,
        torch_steps.LstmModules(model, streaming=False),
        partial(torch_steps.LstmSequenceProducts, model),
        partial(numpy_steps.lstm_sequence, model, steps),
    )


def _tagger(features: int, hidden: int, layers: int, tags: int) -> LstmTagger:
    torch.manual_seed(SEED)
    return LstmTagger(features, hidden, tags, layers).eval()
