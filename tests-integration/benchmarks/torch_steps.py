"""The peers' steps in PyTorch: of its own layers, and of plain products and functions."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from examples import CausalCnn, LstmTagger, ResidualMlp

Shape = tuple[int, ...]
Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""A matrix times a vector plus a bias, in one of PyTorch's ways to say it."""


def matrix_vector(weight: torch.Tensor, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return ``weight @ x + bias`` as a product with a vector."""
    return torch.addmv(bias, weight, x)


def one_row_linear(weight: torch.Tensor, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return ``weight @ x + bias`` as a linear layer on a batch of one."""
    return F.linear(x[None], weight, bias)[0]


class Step(nn.Module):
    """One inference for a peer: ``forward(x, *states) -> (y, *new_states)``."""

    state_shapes: tuple[Shape, ...] = ()


class MlpModules(Step):
    """The dense model itself."""

    def __init__(self, model: ResidualMlp) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.model(x),)


class MlpProducts(Step):
    """The dense model."""

    def __init__(self, model: ResidualMlp, product: Product) -> None:
        super().__init__()
        self.widen, self.mix, self.head, self.product = model.widen, model.mix, model.head, product

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a = torch.relu(self.product(self.widen.weight, x, self.widen.bias))
        b = torch.relu(self.product(self.mix.weight, a, self.mix.bias))
        return (self.product(self.head.weight, a + b, self.head.bias),)


class CnnModules(Step):
    """Convolutions over the windows of the last inputs of each layer."""

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


class CnnProducts(Step):
    """The windows flattened, the oldest first, so that each layer is one product."""

    def __init__(self, model: CausalCnn, product: Product) -> None:
        super().__init__()
        self.product = product
        weights, biases = zip(*map(window_weights, (model.first, model.second)), strict=True)
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


class LstmModules(Step):
    """A time step with the states fed back, or a whole sequence."""

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


class LstmProducts(Step):
    """One product for all gates of a layer, on its hidden state and its input together."""

    def __init__(self, model: LstmTagger, product: Product) -> None:
        super().__init__()
        self.product, self.head = product, model.head
        weights, biases = zip(*gate_weights(model), strict=True)
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)
        self.state_shapes = ((model.memory.hidden_size,),) * (2 * len(weights))

    def forward(self, x: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        new_states = []
        for i in range(len(self.weights)):
            gates = self.product(self.weights[i], torch.cat([states[2 * i], x]), self.biases[i])
            x, cell = _lstm_unit(gates, states[2 * i + 1])
            new_states += [x, cell]
        return self.product(self.head.weight, x, self.head.bias), *new_states


class LstmSequenceProducts(Step):
    """The inputs' half of all time steps is one product, before the steps of a layer."""

    def __init__(self, model: LstmTagger, product: Product) -> None:
        super().__init__()
        self.product, self.head, self.hidden = product, model.head, model.memory.hidden_size
        weights, biases = zip(*gate_weights(model), strict=True)
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


def _lstm_unit(gates: torch.Tensor, cell: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    i, f, o, g = gates.chunk(4)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def window_weights(padded: nn.Module) -> tuple[nn.Parameter, nn.Parameter]:
    """Return a convolution as one matrix for its window, the oldest inputs first, and its bias."""
    conv = padded.conv
    assert isinstance(conv, nn.Conv1d) and conv.bias is not None
    flat = conv.weight.detach().permute(0, 2, 1).reshape(conv.out_channels, -1)
    return _parameter(flat), _parameter(conv.bias)


def gate_weights(model: LstmTagger) -> list[tuple[nn.Parameter, nn.Parameter]]:
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


def _parameter(values: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().contiguous(), requires_grad=False)
