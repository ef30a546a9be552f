"""A second implementation of the program file and of the arithmetic, from their documents alone.

Reads a program file as ``docs/program-format.md`` describes it and runs its instructions as
``docs/numerics.md`` defines them, in numpy, slowly and readably. It shares no code with the Java
side; the tests compare every bit of the two.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.float32]
_T = TypeVar("_T")

_MARK = b"\x89NNIR\r\n\x1a"
_SECTIONS = [b"CONF", b"MODL", b"CODE", b"CNST", b"WGHT"]
_FIELDS_OF_OPCODE = [4, 4, 4, 4, 1, 2, 6, 4, 4, 5, 4, 5, 5, 5, 3, 6, 5]
_BF16 = 0
_CELL_STORE = 1
_WINDOWS = 3


# Arithmetic: docs/numerics.md.


def canonical(values: Block) -> Block:
    """Every NaN as the one canonical NaN (section 1)."""
    return np.where(np.isnan(values), np.uint32(0x7FC00000).view(np.float32), values)


def to_bf16(values: Block) -> Block:
    """Round to nearest, ties to even (section 1)."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.where(np.isnan(values), canonical(values), rounded.astype(np.uint32).view(np.float32))


def truncate(values: Block) -> Block:
    """Round towards zero (section 1)."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(values), canonical(values), bits.view(np.float32))


def from_fp8(codes: npt.NDArray[np.uint8]) -> Block:
    """The values of FP8 E4M3 bits (section 1)."""
    exponent, fraction = codes >> 3 & 15, (codes & 7).astype(np.float32)
    scaled = np.where(exponent == 0, fraction, 8 + fraction)
    magnitude = np.ldexp(scaled, np.maximum(exponent, 1).astype(np.int32) - 10)
    magnitude[codes & 0x7F == 0x7F] = np.nan
    return canonical(np.where(codes >> 7 == 1, -magnitude, magnitude))


def to_fp8(values: Block) -> npt.NDArray[np.uint8]:
    """The bits of the nearest FP8 E4M3 value, ties to even; saturates (section 1)."""
    ladder = from_fp8(np.arange(0x7F, dtype=np.uint8)).astype(np.float64)
    between = (ladder[:-1] + ladder[1:]) / 2
    magnitude = np.abs(np.where(np.isnan(values), np.float32(0), values)).astype(np.float64)
    below = np.searchsorted(between, magnitude, side="left")
    is_tie = np.isin(magnitude, between)
    codes = np.where(is_tie & (below % 2 == 1), below + 1, below) | np.signbit(values) << 7
    return np.where(np.isnan(values), 0x7F, codes).astype(np.uint8)


def fma(a: Any, b: Any, c: Any) -> Block:
    """``a * b + c`` in float32, rounded once.

    The product of two float32 is exact in float64. Their sum is rounded to odd there, after which
    rounding to float32 gives what a single rounding would.
    """
    product = np.asarray(a, dtype=np.float64) * np.asarray(b, dtype=np.float64)
    addend = np.asarray(c, dtype=np.float64)
    total = product + addend
    part = total - product
    error = (product - (total - part)) + (addend - part)
    bits = total.view(np.int64)
    inexact = np.isfinite(total) & (error != 0) & (bits & 1 == 0)
    towards_zero = (error < 0) == (total > 0)
    odd = np.where(inexact, np.where(towards_zero, bits - 1, bits + 1), bits)
    result: Block = odd.view(np.float64).astype(np.float32)
    return result


def _series(r: Block) -> Block:
    q = np.full_like(r, np.float32(1) / np.float32(5040))
    for divisor in (720, 120, 24, 6, 2):
        q = fma(q, r, np.float32(1) / np.float32(divisor))
    return fma(q, r * r, r)


def exp(x: Block) -> Block:
    """The exponential (section 5)."""
    clipped = np.clip(np.where(np.isnan(x), np.float32(0), x), np.float32(-104), np.float32(89))
    n = np.rint(clipped * np.float32(float.fromhex("0x1.715476p0")))
    r = fma(-n, np.float32(float.fromhex("0x1.62e4p-1")), clipped)
    r = fma(-n, np.float32(float.fromhex("0x1.7f7d1cp-20")), r)
    p = np.float32(1) + _series(r)
    half = n.astype(np.int32) >> 1
    result = np.ldexp(np.ldexp(p, half), n.astype(np.int32) - half)
    result = np.where(x > 89, np.float32(np.inf), np.where(x < -104, np.float32(0), result))
    return np.where(np.isnan(x), x, result)


def sigmoid(x: Block) -> Block:
    """The logistic function (section 5)."""
    e = exp(-np.abs(x))
    one = np.float32(1)
    result: Block = np.where(x < 0, e / (one + e), one / (one + e))
    return result


def tanh(x: Block) -> Block:
    """The hyperbolic tangent (section 5)."""
    a = np.abs(x)
    two = np.float32(2)
    limit = np.float32(float.fromhex("0x1.62e43p-3"))
    e = _series(two * np.where(a < limit, a, np.float32(0)))
    large = np.float32(1) - two / (exp(two * a) + np.float32(1))
    result: Block = np.copysign(np.where(a < limit, e / (e + two), large), x)
    return result


def _hex(text: str) -> Any:
    return np.float32(float.fromhex(text))


def exp2(x: Block) -> Block:
    """Two to a power (section 5)."""
    clipped = np.clip(np.where(np.isnan(x), np.float32(0), x), np.float32(-151), np.float32(129))
    n = np.rint(clipped)
    p = np.float32(1) + _series((clipped - n) * _hex("0x1.62e43p-1"))
    half = n.astype(np.int32) >> 1
    return np.where(np.isnan(x), x, np.ldexp(np.ldexp(p, half), n.astype(np.int32) - half))


def _log_of_one_plus(f: Block) -> Block:
    s = f / (np.float32(2) + f)
    z = s * s
    q = np.full_like(f, np.float32(2) / np.float32(15))
    for divisor in (13, 11, 9, 7, 5, 3):
        q = fma(q, z, np.float32(2) / np.float32(divisor))
    return fma(-s, f - z * q, f)


def _logarithm(x: Block, scale: np.float32, high: np.float32, low: np.float32) -> Block:
    significand, exponent = np.frexp(x)  # from 1/2 up to 1
    below = significand < _hex("0x1.6a09e6p-1")
    m = np.where(below, significand * np.float32(2), significand)
    n = np.where(below, exponent - 1, exponent).astype(np.float32)
    f = _log_of_one_plus(m - np.float32(1))
    result = fma(n, high, fma(n, low, f * scale))
    result = np.where(x == 0, np.float32(-np.inf), np.where(x < 0, np.float32(np.nan), result))
    return np.where(np.isposinf(x) | np.isnan(x), x, result)


def log(x: Block) -> Block:
    """The natural logarithm (section 5)."""
    return _logarithm(x, np.float32(1), _hex("0x1.62e4p-1"), _hex("0x1.7f7d1cp-20"))


def log2(x: Block) -> Block:
    """The logarithm to base 2 (section 5)."""
    return _logarithm(x, _hex("0x1.715476p0"), np.float32(1), np.float32(0))


def log10(x: Block) -> Block:
    """The logarithm to base 10 (section 5)."""
    return _logarithm(x, _hex("0x1.bcb7b2p-2"), _hex("0x1.344p-2"), _hex("0x1.3509f8p-18"))


def softplus(x: Block) -> Block:
    """``log(1 + exp(x))`` (section 5)."""
    result: Block = np.where(x > 0, x, np.float32(0)) + _log_of_one_plus(exp(-np.abs(x)))
    return np.where(np.isnan(x), x, result)


def elu(x: Block) -> Block:
    """``x`` or ``exp(x) - 1`` (section 5)."""
    near = np.where(x >= _hex("-0x1.62e43p-2"), np.minimum(x, np.float32(0)), np.float32(0))
    below = np.where(x >= _hex("-0x1.62e43p-2"), _series(near), exp(x) - np.float32(1))
    return np.where(x > 0, x, below)


_TAIL = [
    "0x1.22078cp-2",
    "-0x1.1182fap-3",
    "0x1.1b6660p-4",
    "-0x1.612228p-6",
    "-0x1.5d4d44p-11",
    "0x1.357decp-8",
    "-0x1.26d374p-9",
    "0x1.6b9920p-13",
    "0x1.0faa1cp-12",
    "-0x1.f47bd2p-15",
    "-0x1.134b2ap-15",
]


def gelu(x: Block) -> Block:
    """``x`` times the normal distribution function (section 5)."""
    a = np.minimum(np.abs(x), np.float32(15))
    square = a * a
    rest = fma(a, a, -square)
    e = exp(np.float32(-0.5) * square)
    e = fma(np.float32(-0.5) * rest, e, e)
    t = (a - np.float32(4)) / (a + np.float32(4))
    q = np.full_like(a, _hex(_TAIL[-1]))
    for coefficient in _TAIL[-2::-1]:
        q = fma(q, t, _hex(coefficient))
    tail = q / fma(np.float32(0.5), a, np.float32(1)) * e
    result: Block = x * np.where(x < 0, tail, np.float32(1) - tail)
    return result


def gelu_tanh(x: Block) -> Block:
    """The approximation of gelu by tanh (section 5)."""
    u = x * fma(_hex("0x1.2444f2p-4"), x * x, _hex("0x1.988454p0"))
    result: Block = x * sigmoid(u)
    return result


def hardswish(x: Block) -> Block:
    """``x * min(max(x + 3, 0), 6) / 6`` (section 5)."""
    bounded = _minimum(_maximum(x + np.float32(3), np.zeros_like(x)), np.full_like(x, 6))
    result: Block = x * (bounded / np.float32(6))
    return result


def _reciprocal(x: Block) -> Block:
    quotient: Block = np.divide(np.float32(1), x, dtype=np.float32)
    return quotient


def _maximum(a: Block, b: Block) -> Block:
    larger = np.where((a > b) | ((a == b) & ~np.signbit(a)), a, b)
    return np.where(np.isnan(a) | np.isnan(b), np.float32(np.nan), larger)


def _minimum(a: Block, b: Block) -> Block:
    return -_maximum(-a, -b)


_UNARY: list[Callable[[Block], Block]] = [
    lambda x: x,
    lambda x: -x,
    np.abs,
    np.sqrt,
    lambda x: _reciprocal(np.sqrt(x)),
    _reciprocal,
    exp,
    tanh,
    sigmoid,
    lambda x: x * sigmoid(x),
    exp2,
    log,
    log2,
    log10,
    softplus,
    gelu,
    gelu_tanh,
    elu,
    hardswish,
]
_BINARY: list[Callable[[Block, Block], Block]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    _maximum,
    _minimum,
    lambda a, b: (a > b).astype(np.float32),
    lambda a, b: (a >= b).astype(np.float32),
]


# The program file: docs/program-format.md.


class _Section:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def integer(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def data(self) -> bytes:
        return self.take(self.integer())

    def text(self) -> str:
        return self.data().decode()

    def floats(self) -> Block:
        return np.frombuffer(self.take(4 * self.integer()), dtype="<f4").astype(np.float32)

    def items(self, item: Callable[[], _T]) -> list[_T]:
        return [item() for _ in range(self.integer())]

    def end(self) -> None:
        assert self._at == len(self._data), "bytes are left in a section"


@dataclass
class _Port:
    name: str
    shape: list[int]
    format: int
    data_dim: int

    def words(self, values: Block, size: int) -> list[Block]:
        """The blocks of a tensor, along its data dimension for each other position."""
        vectors = (
            np.moveaxis(values.reshape(self.shape), self.data_dim, -1) if self.shape else values
        )
        lanes = self.shape[self.data_dim] if self.shape else 1
        blocks = []
        for vector in vectors.reshape(-1, lanes):
            blocks += [_padded(vector[i : i + size], size) for i in range(0, lanes, size)]
        return blocks

    def tensor(self, words: Sequence[Block], size: int) -> Block:
        """The tensor of which these are the blocks."""
        if not self.shape:
            return words[0][:1].reshape(())
        lanes = self.shape[self.data_dim]
        per_vector = -(-lanes // size)
        vectors = np.concatenate(words).reshape(-1, per_vector * size)[:, :lanes]
        others = [extent for axis, extent in enumerate(self.shape) if axis != self.data_dim]
        return np.ascontiguousarray(np.moveaxis(vectors.reshape(*others, lanes), -1, self.data_dim))


def _padded(values: Block, size: int) -> Block:
    return np.concatenate([values, np.zeros(size - len(values), np.float32)])


@dataclass
class _Window:
    base: int
    entries: int
    entry_blocks: int
    tile_blocks: int
    initial: list[Block]


@dataclass
class _Code:
    instructions: list[tuple[int, list[int]]]
    descriptors: list[list[int]]
    windows: list[_Window]


@dataclass
class _Model:
    name: str
    inputs: list[_Port]
    outputs: list[_Port]
    code: list[_Code] = field(default_factory=list)
    runs: int = 0


class Oracle:
    """A program file, ready to run; keeps the state of its models from one run to the next."""

    def __init__(self, data: bytes) -> None:
        sections = [_Section(section) for section in _split(data)]
        self.config = json.loads(sections[0].take(len(_split(data)[0])))
        self._size = int(self.config["block_size"])
        cores = range(int(self.config["num_cores"]))
        self._models = sections[1].items(lambda: _read_model(sections[1]))
        for model in self._models:
            model.code = [_read_code(sections[2]) for _ in cores]
        self._memory: list[dict[tuple[int, int], Block]] = [{} for _ in cores]
        self._clamps: list[tuple[Block, Block]] = []
        self._constants: list[set[tuple[int, int]]] = []
        for core in cores:
            self._load_constants(core, sections[3])
        self._weights = [self._read_weights(sections[4]) for _ in cores]
        for section in sections:
            section.end()
        for model in self._models:
            for core in cores:
                self._fill_windows(core, model.code[core])

    def _read_weights(self, section: _Section) -> Block:
        fp8 = from_fp8(np.frombuffer(section.data(), dtype=np.uint8))
        others = to_bf16(section.floats())
        return np.concatenate([fp8, others]).reshape(-1, self._size, self._size)

    def _load_constants(self, core: int, section: _Section) -> None:
        section.integers(3)
        self._clamps.append((section.floats(), section.floats()))
        for _ in range(section.integer()):
            address, number_format = section.integers(2)
            self._write(core, None, address, _rounded(section.floats(), number_format))
        self._constants.append(set(self._memory[core]))

    def _fill_windows(self, core: int, code: _Code) -> None:
        for window in code.windows:
            region, base = window.base & 3, window.base >> 2
            bf16 = window.tile_blocks == 1 and region != _CELL_STORE
            for entry in range(window.entries):
                for index, block in enumerate(window.initial):
                    at = base + entry * window.entry_blocks + index * window.tile_blocks
                    self._memory[core][region, at] = to_bf16(block) if bf16 else canonical(block)

    def _forget(self, model: _Model) -> None:
        """Clear every block but the constants and what windows keep."""
        for core, memory in enumerate(self._memory):
            kept = {at: memory[at] for at in self._constants[core]}
            for each in self._models:
                for window in each.code[core].windows:
                    newest = each.runs % window.entries if each is model else -1
                    for entry in range(window.entries):
                        start = (window.base >> 2) + entry * window.entry_blocks
                        for block in range(window.entry_blocks if entry != newest else 0):
                            at = (window.base & 3, start + block)
                            if at in memory:
                                kept[at] = memory[at]
            self._memory[core] = kept

    def _key(self, core: int, model: _Model | None, address: int, offset: int) -> tuple[int, int]:
        region, index = address & 3, address >> 2
        if region != _WINDOWS:
            return region, index + offset
        assert model is not None
        number, age, place = model.code[core].descriptors[index]
        window = model.code[core].windows[number]
        entry = (model.runs - age) % window.entries
        start = (window.base >> 2) + entry * window.entry_blocks
        return window.base & 3, start + place + offset

    def _read(self, core: int, model: _Model, address: int, offset: int = 0) -> Block:
        zeros = np.zeros(self._size, np.float32)
        return self._memory[core].get(self._key(core, model, address, offset), zeros)

    def _write(
        self, core: int, model: _Model | None, address: int, block: Block, offset: int = 0
    ) -> None:
        self._memory[core][self._key(core, model, address, offset)] = block

    def run(
        self, inputs: Sequence[Block], model_index: int = 0, nearest_even: bool = True
    ) -> list[Block]:
        """Do one inference on float32 arrays of the model's shapes."""
        model = self._models[model_index]
        convert = to_bf16 if nearest_even else truncate
        words = [
            port.words(convert(values) if port.format == _BF16 else canonical(values), self._size)
            for port, values in zip(model.inputs, inputs, strict=True)
        ]
        self._forget(model)
        results: list[dict[int, Block]] = [{} for _ in model.outputs]
        links: dict[tuple[int, int], deque[Block]] = {}
        position = [0] * len(model.code)
        with np.errstate(all="ignore"):
            while self._advance(model, position, links, words, results):
                pass
        model.runs += 1
        return [
            port.tensor([blocks[word] for word in range(len(blocks))], self._size)
            for port, blocks in zip(model.outputs, results, strict=True)
        ]

    def _advance(
        self,
        model: _Model,
        position: list[int],
        links: dict[tuple[int, int], deque[Block]],
        words: list[list[Block]],
        results: list[dict[int, Block]],
    ) -> bool:
        """Let each core run until it waits for another; tell whether any did something."""
        progress = False
        for core, code in enumerate(model.code):
            while position[core] < len(code.instructions):
                opcode, f = code.instructions[position[core]]
                if opcode == 0:
                    for i in range(f[3]):
                        self._write(core, model, f[0], words[f[1]][f[2] + i], i)
                elif opcode == 1:
                    for i in range(f[3]):
                        results[f[1]][f[2] + i] = self._read(core, model, f[0], i)
                elif opcode == 2:
                    for to in range(len(model.code)):
                        if f[2] >> to & 1:
                            link = links.setdefault((core, to), deque())
                            link.extend(self._read(core, model, f[0], i) for i in range(f[1]))
                elif opcode == 3:
                    link = links.setdefault((f[1], core), deque())
                    if len(link) < f[2]:
                        break
                    for i in range(f[2]):
                        self._write(core, model, f[0], link.popleft(), i)
                else:
                    self._write(core, model, f[0], self._compute(core, model, opcode, f))
                position[core] += 1
                progress = True
        return progress

    def _compute(self, core: int, model: _Model, opcode: int, f: list[int]) -> Block:
        def block(index: int) -> Block:
            return self._read(core, model, f[index])

        if opcode == 4:
            return np.zeros(self._size, np.float32)
        if opcode == 5:
            return block(1)
        if opcode == 6:
            return self._products(core, model, f)
        if opcode == 7:
            stored = _rounded(block(1), f[2])
            return stored if f[3] == 0 else self._clamped(core, stored, f[3], f[2])
        if opcode == 8:
            return _rounded(_UNARY[f[2]](block(1)), f[3])
        if opcode == 9:
            return _rounded(_BINARY[f[3]](block(1), block(2)), f[4])
        if opcode == 10:
            return self._clamped(core, block(1), f[2], f[3])
        if opcode == 11:
            return _rounded(fma(block(2), block(3), block(1)), f[4])
        if opcode == 12:
            moved: Block = block(0).copy()
            moved[f[1] : f[1] + f[4]] = block(2)[f[3] : f[3] + f[4]]
            return moved
        if opcode == 13:
            update = sigmoid(block(1)) * tanh(block(3))
            return canonical(fma(sigmoid(block(2)), block(4), update))
        if opcode == 14:
            return to_bf16(sigmoid(block(1)) * tanh(block(2)))
        if opcode == 15:
            value = block(1)[:1]
            for lane in block(2)[: f[4]]:
                value = _BINARY[f[3]](value, np.array([lane]))
            return np.repeat(_rounded(value, f[5]), self._size)
        assert opcode == 16, f"opcode {opcode}"
        return _rounded(np.where(block(1) != 0, block(2), block(3)), f[4])

    def _products(self, core: int, model: _Model, f: list[int]) -> Block:
        total = self._read(core, model, f[0])
        for i in range(f[3]):
            x = self._read(core, model, f[2], i)
            weights = self._weights[core][f[1] + i]
            for k in range(f[4] if i == f[3] - 1 else self._size):
                total = fma(weights[k], x[k], total)
        return total if f[5] == 0 else canonical(total + self._read(core, model, f[5] - 1))

    def _clamped(self, core: int, block: Block, clamp: int, number_format: int) -> Block:
        low, high = (_rounded(bounds, number_format)[clamp - 1] for bounds in self._clamps[core])
        return canonical(_minimum(_maximum(block, low), high))


def _rounded(block: Block, number_format: int) -> Block:
    return to_bf16(block) if number_format == _BF16 else canonical(block)


def _split(data: bytes) -> list[bytes]:
    assert data[:8] == _MARK, "not a program file"
    assert struct.unpack_from("<ii", data, 8) == (2, len(_SECTIONS))
    assert hashlib.sha256(data[:-32]).digest() == data[-32:], "damaged"
    sections = []
    for index, expected in enumerate(_SECTIONS):
        tag, offset, length = struct.unpack_from("<4sqq", data, 16 + 20 * index)
        assert tag == expected
        sections.append(data[offset : offset + length])
    return sections


def _read_port(section: _Section) -> _Port:
    name = section.text()
    shape = section.items(section.integer)
    number_format, _, data_dim = section.integers(3)
    return _Port(name, shape, number_format, data_dim - 1)


def _read_model(section: _Section) -> _Model:
    name = section.text()
    inputs = section.items(lambda: _read_port(section))
    outputs = section.items(lambda: _read_port(section))
    section.integer()
    section.items(section.text)
    return _Model(name, inputs, outputs)


def _read_instruction(section: _Section) -> tuple[int, list[int]]:
    opcode = section.integer()
    return opcode, section.integers(_FIELDS_OF_OPCODE[opcode])


def _read_window(section: _Section) -> _Window:
    base, entries, entry_blocks, tile_blocks = section.integers(4)
    return _Window(base, entries, entry_blocks, tile_blocks, section.items(section.floats))


def _read_code(section: _Section) -> _Code:
    instructions = section.items(lambda: _read_instruction(section))
    descriptors = section.items(lambda: section.integers(3))
    windows = section.items(lambda: _read_window(section))
    section.items(lambda: section.integers(2))
    return _Code(instructions, descriptors, windows)
