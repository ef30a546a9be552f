"""The peers' steps in numpy, each with buffers of its own that every operation writes into."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from torch import nn

from examples import CausalCnn, LstmTagger, ResidualMlp
from torch_steps import gate_weights, window_weights

Array = npt.NDArray[np.float32]


def mlp(model: ResidualMlp) -> Callable[[Array], Array]:
    """Return a step of the dense model."""
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


def cnn(model: CausalCnn) -> Callable[[Array], Array]:
    """Return a step on the windows of the last inputs of each layer."""
    layers = []
    for padded in (model.first, model.second):
        weight, bias = (values.detach().numpy() for values in window_weights(padded))
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


def lstm(model: LstmTagger) -> Callable[[Array], Array]:
    """Return a time step that keeps the states."""
    hidden = model.memory.hidden_size
    layers = []
    for weight, bias in gate_weights(model):
        operand = np.zeros(weight.shape[1], np.float32)
        unit = _lstm_unit(operand[:hidden], np.zeros(hidden, np.float32))
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


def lstm_sequence(model: LstmTagger, steps: int) -> Callable[[Array], Array]:
    """Return a step on a whole sequence; the inputs' half of all time steps is one product."""
    hidden = model.memory.hidden_size
    layers = []
    for weight, bias in gate_weights(model):
        both = weight.detach().numpy()
        recurrent = np.ascontiguousarray(both[:, :hidden])
        of_input = np.ascontiguousarray(both[:, hidden:].T)
        layers.append((recurrent, of_input, bias.detach().numpy()))
    sums = np.empty((steps, 4 * hidden), np.float32)
    h, cell = np.empty(hidden, np.float32), np.empty(hidden, np.float32)
    unit = _lstm_unit(h, cell)
    gates = np.empty(4 * hidden, np.float32)
    outputs = np.empty((steps, hidden), np.float32)
    head, head_bias = _arrays(model.head)
    head = np.ascontiguousarray(head.T)
    y = np.empty((steps, len(head_bias)), np.float32)

    def step(x: Array) -> Array:
        for recurrent, of_input, bias in layers:
            np.dot(x, of_input, out=sums)
            np.add(sums, bias, out=sums)
            h.fill(0)
            cell.fill(0)
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


def _lstm_unit(h: Array, cell: Array) -> Callable[[Array], None]:
    """Return what turns sums of the gates i, f, o, g into the next states, in place."""
    hidden = len(h)
    update = np.empty_like(h)

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
