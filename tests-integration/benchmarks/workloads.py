"""What the peers are compared on: each model for the compiler, and as steps for the peers.

A step for a peer is a module that maps an input and states to an output and new states, or a numpy
function that keeps its states itself. All take the weights of the one model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from examples import CausalCnn, LstmTagger, ResidualMlp
from vollo_compiler import Config

Array = npt.NDArray[np.float32]
Shape = tuple[int, ...]
Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""A matrix times a vector plus a bias, in one of PyTorch's ways to say it."""

SEED = 20


def matrix_vector(weight: torch.Tensor, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return ``weight @ x + bias`` as a product with a vector."""
    return torch.addmv(bias, weight, x)


def one_row_linear(weight: torch.Tensor, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return ``weight @ x + bias`` as a linear layer on a batch of one."""
    return F.linear(x[None], weight, bias)[0]


class Step(nn.Module):
    """One inference for a peer: ``forward(x, *states) -> (y, *new_states)``."""

    state_shapes: tuple[Shape, ...] = ()


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


# The dense model.


class _MlpModules(Step):
    def __init__(self, model: ResidualMlp) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.model(x),)


class _MlpProducts(Step):
    def __init__(self, model: ResidualMlp, product: Product) -> None:
        super().__init__()
        self.widen, self.mix, self.head, self.product = model.widen, model.mix, model.head, product

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a = torch.relu(self.product(self.widen.weight, x, self.widen.bias))
        b = torch.relu(self.product(self.mix.weight, a, self.mix.bias))
        return (self.product(self.head.weight, a + b, self.head.bias),)


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
        _MlpModules(model),
        lambda product: _MlpProducts(model, product),
        lambda: _mlp_numpy(model),
    )


def _mlp_numpy(model: ResidualMlp) -> Callable[[Array], Array]:
    (w1, b1), (w2, b2), (w3, b3) = map(_arrays, (model.widen, model.mix, model.head))
    a, b, y = np.empty_like(b1), np.empty_like(b2), np.empty_like(b3)

    def step(x: Array) -> Array:
        np.dot(w1, x, out=a)
        np.add(a, b1, out=a)
        np.maximum(a, 0, out=a)
        np.dot(w2, a, out=b)
        np.add(b, b2, out=b)
        np.maximum(b, 0, out=b)
        np.add(a, b, out=b)
        np.dot(w3, b, out=y)
        np.add(y, b3, out=y)
        return y

    return step


# The convolution, one time step on the windows of the last inputs of each layer.


class _CnnModules(Step):
    def __init__(self, model: CausalCnn) -> None:
        super().__init__()
        convolutions = [model.first.conv, model.second.conv]
        self.convolutions = nn.ModuleList(convolutions)
        self.state_shapes = tuple(
            (1, conv.in_channels, conv.kernel_size[0] - 1) for conv in convolutions
        )

    def forward(self, x: torch.Tensor, *pasts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        new_pasts = []
        x = x[..., None]
        for conv, past in zip(self.convolutions, pasts, strict=True):
            window = torch.cat([past, x], dim=2)
            new_pasts.append(window[:, :, 1:])
            x = torch.relu(conv(window))
        return x[..., 0], *new_pasts


class _CnnProducts(Step):
    """The windows flattened, the oldest first, so that each layer is one product."""

    def __init__(self, model: CausalCnn, product: Product) -> None:
        super().__init__()
        self.product = product
        weights, biases = zip(*map(_window_weights, (model.first, model.second)), strict=True)
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)
        self.channels = [conv.conv.in_channels for conv in (model.first, model.second)]
        self.state_shapes = tuple(
            (weight.shape[1] - channels,)
            for weight, channels in zip(weights, self.channels, strict=True)
        )

    def forward(self, x: torch.Tensor, *pasts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        new_pasts = []
        x = x[0]
        for i, past in enumerate(pasts):
            window = torch.cat([past, x])
            new_pasts.append(window[self.channels[i] :])
            x = torch.relu(self.product(self.weights[i], window, self.biases[i]))
        return x[None], *new_pasts


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
        _CnnModules(model),
        lambda product: _CnnProducts(model, product),
        lambda: _cnn_numpy(model),
    )


def _window_weights(padded: nn.Module) -> tuple[nn.Parameter, nn.Parameter]:
    conv = padded.conv
    assert isinstance(conv, nn.Conv1d) and conv.bias is not None
    flat = conv.weight.detach().permute(0, 2, 1).reshape(conv.out_channels, -1)
    return _parameter(flat), _parameter(conv.bias)


def _cnn_numpy(model: CausalCnn) -> Callable[[Array], Array]:
    layers = []
    for padded in (model.first, model.second):
        weight, bias = (values.detach().numpy() for values in _window_weights(padded))
        window = np.zeros(weight.shape[1], np.float32)
        layers.append((weight, bias, window, padded.conv.in_channels, np.empty_like(bias)))

    def step(x: Array) -> Array:
        x = x[0]
        for weight, bias, window, channels, out in layers:
            window[:-channels] = window[channels:]
            window[-channels:] = x
            np.dot(weight, window, out=out)
            np.add(out, bias, out=out)
            np.maximum(out, 0, out=out)
            x = out
        return x

    return step


# The LSTM, one time step with its states fed back, or a whole sequence.


class _LstmModules(Step):
    def __init__(self, model: LstmTagger, streaming: bool) -> None:
        super().__init__()
        self.memory, self.head, self.streaming = model.memory, model.head, streaming
        if streaming:
            self.state_shapes = ((model.memory.num_layers, model.memory.hidden_size),) * 2

    def forward(self, x: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if not self.streaming:
            return (self.head(self.memory(x)[0]),)
        hidden, new_states = self.memory(x[None], states)
        return self.head(hidden)[0], *new_states


class _LstmProducts(Step):
    """One product for all gates of a layer, on its hidden state and its input together."""

    def __init__(self, model: LstmTagger, product: Product) -> None:
        super().__init__()
        self.product, self.head = product, model.head
        weights, biases = zip(*_gate_weights(model), strict=True)
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)
        self.state_shapes = ((model.memory.hidden_size,),) * (2 * len(weights))

    def forward(self, x: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        new_states = []
        for i in range(len(self.weights)):
            gates = self.product(self.weights[i], torch.cat([states[2 * i], x]), self.biases[i])
            x, cell = _lstm_unit(gates, states[2 * i + 1])
            new_states += [x, cell]
        return self.product(self.head.weight, x, self.head.bias), *new_states


class _LstmSequenceProducts(Step):
    """The inputs' half of all time steps is one product, before the steps of a layer."""

    def __init__(self, model: LstmTagger, product: Product) -> None:
        super().__init__()
        self.product, self.head, self.hidden = product, model.head, model.memory.hidden_size
        weights, biases = zip(*_gate_weights(model), strict=True)
        self.recurrent = nn.ParameterList([_parameter(w[:, : self.hidden]) for w in weights])
        self.weights = nn.ParameterList([_parameter(w[:, self.hidden :]) for w in weights])
        self.biases = nn.ParameterList(biases)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        for i in range(len(self.weights)):
            steps = F.linear(x, self.weights[i], self.biases[i]).unbind()
            h = cell = x.new_zeros(self.hidden)
            outputs = []
            for step in steps:
                h, cell = _lstm_unit(self.product(self.recurrent[i], h, step), cell)
                outputs.append(h)
            x = torch.stack(outputs)
        return (F.linear(x, self.head.weight, self.head.bias),)


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
        _LstmModules(model, streaming=True),
        lambda product: _LstmProducts(model, product),
        lambda: _lstm_numpy(model),
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
        _LstmModules(model, streaming=False),
        lambda product: _LstmSequenceProducts(model, product),
        lambda: _lstm_sequence_numpy(model, steps),
    )


def _tagger(features: int, hidden: int, layers: int, tags: int) -> LstmTagger:
    torch.manual_seed(SEED)
    return LstmTagger(features, hidden, tags, layers).eval()


def _lstm_unit(gates: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    i, f, o, g = gates.chunk(4)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def _gate_weights(model: LstmTagger) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Return each layer's weights for hidden state and input side by side, and its bias.

    The rows are those of the gates i, f, o, g: the three sigmoids lie together.
    """
    hidden = model.memory.hidden_size
    gates = torch.arange(4 * hidden).reshape(4, hidden)[[0, 1, 3, 2]].reshape(-1)
    found = []
    for of_input, of_hidden, bias, second_bias in model.memory.all_weights:
        weight = torch.cat([of_hidden.detach(), of_input.detach()], dim=1)
        total = bias.detach() + second_bias.detach()
        found.append((_parameter(weight[gates]), _parameter(total[gates])))
    return found


def _lstm_numpy(model: LstmTagger) -> Callable[[Array], Array]:
    hidden = model.memory.hidden_size
    layers = []
    for weight, bias in _gate_weights(model):
        operand = np.zeros(weight.shape[1], np.float32)
        unit = _numpy_lstm_unit(hidden, operand[:hidden])
        layers.append((weight.detach().numpy(), bias.detach().numpy(), operand, unit))
    gates = np.empty(4 * hidden, np.float32)
    head, head_bias = _arrays(model.head)
    y = np.empty_like(head_bias)

    def step(x: Array) -> Array:
        for weight, bias, operand, unit in layers:
            operand[hidden:] = x
            np.dot(weight, operand, out=gates)
            np.add(gates, bias, out=gates)
            unit(gates)
            x = operand[:hidden]
        np.dot(head, x, out=y)
        np.add(y, head_bias, out=y)
        return y

    return step


def _lstm_sequence_numpy(model: LstmTagger, steps: int) -> Callable[[Array], Array]:
    hidden = model.memory.hidden_size
    layers = []
    for weight, bias in _gate_weights(model):
        both = weight.detach().numpy()
        recurrent = np.ascontiguousarray(both[:, :hidden])
        of_input = np.ascontiguousarray(both[:, hidden:].T)
        layers.append((recurrent, of_input, bias.detach().numpy()))
    sums = np.empty((steps, 4 * hidden), np.float32)
    gates = np.empty(4 * hidden, np.float32)
    outputs = np.empty((steps, hidden), np.float32)
    head, head_bias = _arrays(model.head)
    head = np.ascontiguousarray(head.T)
    y = np.empty((steps, len(head_bias)), np.float32)

    def step(x: Array) -> Array:
        for recurrent, of_input, bias in layers:
            np.dot(x, of_input, out=sums)
            np.add(sums, bias, out=sums)
            h = np.zeros(hidden, np.float32)
            unit = _numpy_lstm_unit(hidden, h)
            for t in range(steps):
                np.dot(recurrent, h, out=gates)
                np.add(gates, sums[t], out=gates)
                unit(gates)
                outputs[t] = h
            x = outputs
        np.dot(outputs, head, out=y)
        np.add(y, head_bias, out=y)
        return y

    return step


def _numpy_lstm_unit(hidden: int, h: Array) -> Callable[[Array], None]:
    """Return what turns sums of the gates i, f, o, g into the next ``h``, in place."""
    cell = np.zeros(hidden, np.float32)
    update = np.empty(hidden, np.float32)

    def unit(gates: Array) -> None:
        sigmoids, g = gates[: 3 * hidden], gates[3 * hidden :]
        np.negative(sigmoids, out=sigmoids)
        np.exp(sigmoids, out=sigmoids)
        np.add(sigmoids, 1, out=sigmoids)
        np.reciprocal(sigmoids, out=sigmoids)
        np.tanh(g, out=g)
        np.multiply(sigmoids[:hidden], g, out=update)
        np.multiply(cell, sigmoids[hidden : 2 * hidden], out=cell)
        np.add(cell, update, out=cell)
        np.tanh(cell, out=update)
        np.multiply(sigmoids[2 * hidden :], update, out=h)

    return unit


def _arrays(layer: nn.Linear) -> tuple[Array, Array]:
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def _parameter(values: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().contiguous(), requires_grad=False)
