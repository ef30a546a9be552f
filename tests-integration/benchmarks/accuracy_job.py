"""The errors of functions and sums against exact arithmetic, as tables in Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
import numpy.typing as npt
import torch
from mpmath import mpf

import oracle
import vollo_torch
from oracle import Block
from vollo_compiler import Config

Doubles = npt.NDArray[np.float64]

PROGRAM_FORMAT = Path(__file__).resolve().parents[2] / "docs" / "program-format.md"
PRECISION = 100
FLOAT32_FRACTION_BITS = 23
BF16_FRACTION_BITS = 7
SMALLEST_EXPONENT = -126
SEED = 5
LANES = 1024
"""Independent sums for each row of their table."""

SUMS = {
    "Linear, 64 inputs": [64],
    "Linear, 256 inputs": [256],
    "Conv1d, 64 channels, 8 taps": [64 * 8],
    "Linear, 1024 inputs": [1024],
    "LSTM gate, 960 units, 960 inputs": [960, 960],
    "Linear, 4096 inputs": [4096],
}
"""The products in a sum, or in each of the two sums that are added."""

LSTM_SIZE = 256
LSTM_STEPS = (1, 20, 50)

_GELU_CUBIC = mpf("0.044715")

EXACT: dict[str, Callable[[mpf], mpf]] = {
    "identity": lambda x: x,
    "neg": lambda x: -x,
    "abs": abs,
    "sqrt": mpmath.sqrt,
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "exp": mpmath.exp,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "exp2": lambda x: mpmath.power(2, x),
    "log": mpmath.log,
    "log2": lambda x: mpmath.log(x, 2),
    "log10": mpmath.log10,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "gelu_tanh": lambda x: x * _logistic(mpmath.sqrt(8 / mpmath.pi) * (x + _GELU_CUBIC * x**3)),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
}
"""The functions of one value, by their names in the program format."""


@dataclass(frozen=True)
class Exact:
    """Exact values, each as the sum of two doubles; NaN where there is no finite real one."""

    high: Doubles
    low: Doubles

    def unit(self, fraction_bits: int) -> Doubles:
        """Return the step between the values of a format around each exact value."""
        _, exponent = np.frexp(self.high)
        normal = np.maximum(exponent - 1, SMALLEST_EXPONENT)
        unit: Doubles = np.ldexp(1.0, normal - fraction_bits)
        return unit

    def error(self, values: Block, fraction_bits: int) -> Doubles:
        """Return how far values are away, in steps of a format."""
        with np.errstate(invalid="ignore"):
            distance = np.abs((values.astype(np.float64) - self.high) - self.low)
        largest = np.ldexp(2 - 2.0**-fraction_bits, 127)
        overflows = np.abs(self.high) >= largest + self.unit(fraction_bits) / 2
        is_right = overflows & np.isinf(values) & (np.sign(values) == np.sign(self.high))
        return np.where(is_right, 0, distance / self.unit(fraction_bits))

    def rounded_to_bf16(self) -> Block:
        """Return the nearest BF16 values, ties to even."""
        unit = self.unit(BF16_FRACTION_BITS)
        with np.errstate(invalid="ignore", over="ignore"):
            steps = self.high / unit
            down = np.floor(steps)
            above_tie = np.sign(steps - down - 0.5)
            above_tie = np.where(above_tie == 0, np.sign(self.low), above_tie)
            up = (above_tie > 0) | ((above_tie == 0) & (down % 2 == 1))
            rounded: Block = ((down + up) * unit).astype(np.float32)
        return rounded


@dataclass(frozen=True)
class Errors:
    """What a function's results are off by.

    Attributes:
        worst: In steps of float32, before rounding to BF16.
        worst_at: The input where.
        misrounded: The inputs whose BF16 result is not the nearest.
        worst_bf16: In steps of BF16, after rounding.
    """

    worst: float
    worst_at: float
    misrounded: int
    worst_bf16: float


def _logistic(x: mpf) -> mpf:
    return 1 / (1 + mpmath.exp(-x))


def main() -> None:
    """Print the tables."""
    tables = [function_table(), sum_table(), operator_table(), lstm_table()]
    print("\n\n".join("\n".join(table) for table in tables))


def finite_bf16() -> Block:
    """Return every finite BF16 value."""
    values = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    return values[np.isfinite(values)]


def functions() -> dict[str, Callable[[Block], Block]]:
    """Return the machine's functions of one value by the names of the program format."""
    listed = re.search(r"Functions of MAP by number:([^;]*);", PROGRAM_FORMAT.read_text("utf-8"))
    assert listed is not None
    names = [name.strip() for name in listed[1].split(",")]
    return dict(zip(names, oracle._UNARY, strict=True))


def function_errors(
    name: str, function: Callable[[Block], Block], inputs: Block | None = None
) -> Errors:
    """Measure one function, over all finite BF16 inputs unless some are given."""
    inputs = finite_bf16() if inputs is None else inputs
    exact = _exact(EXACT[name], inputs)
    has_value = ~np.isnan(exact.high)
    inputs = inputs[has_value]
    exact = Exact(exact.high[has_value], exact.low[has_value])
    with np.errstate(all="ignore"):
        results = function(inputs)
        errors = exact.error(results, FLOAT32_FRACTION_BITS)
    rounded = oracle.to_bf16(results)
    at = int(np.argmax(errors))
    return Errors(
        float(errors[at]),
        float(inputs[at]),
        int(np.sum(rounded != exact.rounded_to_bf16())),
        float(exact.error(rounded, BF16_FRACTION_BITS).max()),
    )


def _exact(function: Callable[[mpf], mpf], inputs: Block) -> Exact:
    high, low = np.full(len(inputs), np.nan), np.zeros(len(inputs))
    with mpmath.workprec(PRECISION):
        for i, x in enumerate(inputs.tolist()):
            try:
                value = function(mpf(x))
            except ZeroDivisionError:
                continue
            if isinstance(value, mpf) and mpmath.isfinite(value):
                high[i] = float(value)
                if math.isfinite(high[i]):
                    low[i] = float(value - mpf(high[i]))
    return Exact(high, low)


def function_table() -> Iterator[str]:
    """Yield the lines of the table of functions."""
    yield "| function | worst error, float32 ulp | at | not nearest BF16 | worst error, BF16 ulp |"
    yield "|---|---|---|---|---|"
    for name, function in functions().items():
        errors = function_errors(name, function)
        yield (
            f"| {name} | {errors.worst:.2f} | {errors.worst_at:.9g} | {errors.misrounded} | "
            f"{errors.worst_bf16:.3f} |"
        )


def sum_table() -> Iterator[str]:
    """Yield the lines of the table of sums."""
    yield "| sum | worst error | not nearest BF16 |"
    yield "|---|---|---|"
    for name, parts in SUMS.items():
        worst, misrounded = sum_errors(parts)
        yield f"| {name} | {worst:.1f} | {misrounded / LANES:.1%} |"


def sum_errors(parts: list[int]) -> tuple[float, int]:
    """Measure sums of random products, before and after rounding to BF16.

    Returns:
        The worst error in 2^-24 of the sum of the magnitudes, and how many BF16 results are not
        the nearest.
    """
    random = np.random.default_rng(SEED)
    terms = sum(parts)
    weights = oracle.to_bf16(random.standard_normal((terms, LANES)).astype(np.float32))
    x = oracle.to_bf16(random.standard_normal(terms).astype(np.float32))
    bias = random.standard_normal(LANES).astype(np.float32)
    sums = _sum(weights, x, bias, parts)
    products = weights.astype(np.float64) * x.astype(np.float64)[:, None]
    addends = np.vstack([bias.astype(np.float64), products])
    exact = np.array([math.fsum(column) for column in addends.T])
    errors = np.abs(sums - exact) / np.abs(addends).sum(axis=0)
    nearest = Exact(exact, np.zeros(LANES)).rounded_to_bf16()
    return float(errors.max()) * 2**24, int(np.sum(oracle.to_bf16(sums) != nearest))


def _sum(weights: Block, x: Block, bias: Block, parts: list[int]) -> Block:
    """Return the sum of the first part from the bias on, plus those of the others."""
    first = parts[0]
    total = _chain(weights[:first], x[:first], bias)
    if len(parts) == 1:
        return total
    return total + _sum(weights[first:], x[first:], np.zeros_like(bias), parts[1:])


def _chain(weights: Block, x: Block, start: Block) -> Block:
    total = start
    for row, value in zip(weights, x, strict=True):
        total = oracle.fma(row, value, total)
    return total


def operator_table() -> Iterator[str]:
    """Yield the lines of the table of operators that are made of several steps."""
    yield "| operator | worst error, BF16 ulp | not nearest BF16 |"
    yield "|---|---|---|"
    for name, (module, exact) in OPERATORS.items():
        worst, misrounded = operator_errors(module, exact)
        yield f"| {name} | {worst:.3f} | {misrounded:.2%} |"


def operator_errors(
    module: torch.nn.Module, exact: Callable[[Doubles], Doubles]
) -> tuple[float, float]:
    """Run an operator on the virtual machine, over rows of random BF16 values.

    Returns:
        The worst error in steps of BF16, and the share of results that are not the nearest.
    """
    shape = (ROWS, ROW_SIZE)
    x = oracle.to_bf16(np.random.default_rng(SEED).standard_normal(shape).astype(np.float32))
    prepared, _ = vollo_torch.fx.prepare_shape(module.eval(), torch.from_numpy(x))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    results = nnir.to_program(Config.amd_v80_c6b32()).to_vm().run(x)
    assert isinstance(results, np.ndarray)
    values = exact(x.astype(np.float64))
    nearest = Exact(values, np.zeros_like(values))
    worst = nearest.error(results, BF16_FRACTION_BITS).max()
    return float(worst), float(np.mean(results != nearest.rounded_to_bf16()))


class Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        return self.function(x)


def _exact_softmax(x: Doubles) -> Doubles:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    quotient: Doubles = e / e.sum(axis=1, keepdims=True)
    return quotient


def _exact_rms_norm(x: Doubles) -> Doubles:
    normed: Doubles = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + NORM_EPSILON)
    return normed


def _exact_layer_norm(x: Doubles) -> Doubles:
    return _exact_rms_norm(x - x.mean(axis=1, keepdims=True))


ROWS = 64
ROW_SIZE = 256
NORM_EPSILON = 1e-5

OPERATORS: dict[str, tuple[torch.nn.Module, Callable[[Doubles], Doubles]]] = {
    "sum": (Function(lambda x: x.sum(1, keepdim=True)), lambda x: x.sum(axis=1, keepdims=True)),
    "mean": (Function(lambda x: x.mean(1, keepdim=True)), lambda x: x.mean(axis=1, keepdims=True)),
    "softmax": (torch.nn.Softmax(dim=1), _exact_softmax),
    "RMSNorm": (vollo_torch.nn.RMSNorm(ROW_SIZE, NORM_EPSILON, False), _exact_rms_norm),
    "LayerNorm": (
        torch.nn.LayerNorm(ROW_SIZE, NORM_EPSILON, elementwise_affine=False),
        _exact_layer_norm,
    ),
}
"""Operators over rows of values, with their definitions in float64."""


def lstm_table() -> Iterator[str]:
    """Yield the lines of the table of an LSTM's drift."""
    yield "| steps | worst error of h | worst error of c |"
    yield "|---|---|---|"
    errors = lstm_errors(max(LSTM_STEPS))
    for steps in LSTM_STEPS:
        of_h, of_c = np.array(errors[:steps]).max(axis=0)
        yield f"| {steps} | {of_h:.1e} | {of_c:.1e} |"


def lstm_errors(steps: int) -> list[tuple[float, float]]:
    """Return the worst absolute errors of h and c after each step, against float64."""
    random = np.random.default_rng(SEED)
    scale = 1 / math.sqrt(LSTM_SIZE)
    shape = (2 * LSTM_SIZE, 4 * LSTM_SIZE)
    weights = oracle.to_bf16(random.uniform(-scale, scale, shape).astype(np.float32))
    bias = random.uniform(-scale, scale, 4 * LSTM_SIZE).astype(np.float32)
    wide = weights.astype(np.float64)
    h: Block = np.zeros(LSTM_SIZE, np.float32)
    c = h
    exact_h: Doubles = np.zeros(LSTM_SIZE)
    exact_c = exact_h
    errors = []
    for _ in range(steps):
        x = oracle.to_bf16(random.standard_normal(LSTM_SIZE).astype(np.float32))
        inputs = np.concatenate([h, x])
        i, f, g, o = _sum(weights, inputs, bias, [LSTM_SIZE, LSTM_SIZE]).reshape(4, -1)
        c = oracle.fma(oracle.sigmoid(f), c, oracle.sigmoid(i) * oracle.tanh(g))
        h = oracle.to_bf16(oracle.sigmoid(o) * oracle.tanh(c))
        sums: Doubles = np.concatenate([exact_h, x]) @ wide + bias
        exact_i, exact_f, exact_g, exact_o = sums.reshape(4, -1)
        exact_c = _sigmoid(exact_f) * exact_c + _sigmoid(exact_i) * np.tanh(exact_g)
        exact_h = _sigmoid(exact_o) * np.tanh(exact_c)
        errors.append((float(np.abs(h - exact_h).max()), float(np.abs(c - exact_c).max())))
    return errors


def _sigmoid(x: Doubles) -> Doubles:
    result: Doubles = 1 / (1 + np.exp(-x))
    return result


if __name__ == "__main__":
    main()
