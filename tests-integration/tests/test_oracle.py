"""The virtual machine against the second implementation, bit for bit."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import oracle
import vollo_torch
from examples import CausalCnn, LstmTagger, ResidualMlp
from vollo_compiler import Config, NumberFormat, ProgramBuilder


def _nnir(model, *inputs):
    prepared, _ = vollo_torch.fx.prepare_shape(model.eval(), *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared)


def _assert_same_bits(program, inputs, model_index=0, f32_round=True):
    """Run both on a sequence of inputs and compare the bits of every output."""
    reference = oracle.Oracle(program.save_bytes())
    vm = program.to_vm()
    for step in inputs:
        outputs = vm.run(step, model_index, f32_round)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        expected = reference.run(step, model_index, f32_round)
        for got, want in zip(outputs, expected, strict=True):
            assert got.shape == want.shape
            np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


def _arrays(seed, count, *shapes):
    random = np.random.default_rng(seed)
    return [
        [random.normal(size=shape).astype(np.float32) for shape in shapes] for _ in range(count)
    ]


@given(st.lists(st.floats(width=32), min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_fma_rounds_once(values):
    a, b, c = (np.float32(value) for value in values)
    with np.errstate(all="ignore"):
        got = oracle.fma(a, b, c)
    if not np.isfinite([a, b, c]).all():
        return
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if not np.isfinite(got):
        assert abs(exact) >= Fraction(float(np.finfo(np.float32).max))
        return
    error = abs(Fraction(float(got)) - exact)
    with np.errstate(over="ignore"):
        neighbours = [np.nextafter(got, np.float32(end)) for end in (-np.inf, np.inf)]
    for neighbour in neighbours:
        if np.isfinite(neighbour):
            assert error <= abs(Fraction(float(neighbour)) - exact)


@pytest.mark.parametrize("preset", ["bittware_ia420f_c6b32", "bittware_ia840f_c3b64"])
def test_mlp(preset):
    model = _nnir(ResidualMlp(100, 40, 10), torch.zeros(100))
    program = model.to_program(getattr(Config, preset)())
    _assert_same_bits(program, _arrays(1, 2, (100,)))
    _assert_same_bits(program, _arrays(2, 1, (100,)), f32_round=False)


def test_sums_that_cancel_keep_their_order():
    model = nn.Linear(300, 200)
    random = np.random.default_rng(11)
    spread = torch.from_numpy((10 ** random.uniform(-3, 3, (200, 150))).astype(np.float32))
    with torch.no_grad():
        model.weight[:, :150] *= spread
        model.weight[:, 150:] = -model.weight[:, :150].flip(1)
    half = random.normal(size=150).astype(np.float32)
    program = _nnir(model, torch.zeros(300)).to_program(Config.bittware_ia420f_c6b32())
    _assert_same_bits(program, [[np.concatenate([half, half[::-1]])]])


def test_streaming_cnn():
    streamed, _ = _nnir(CausalCnn(12, 40), torch.zeros(1, 12, 5)).streaming_transform(2)
    program = streamed.to_program(Config.amd_v80_c6b32())
    _assert_same_bits(program, _arrays(3, 7, (1, 12)))


def test_lstm_whole_and_streaming():
    model = _nnir(LstmTagger(20, 40, 5), torch.zeros(4, 20))
    board = Config.bittware_ia420f_c6b32()
    _assert_same_bits(model.to_program(board), _arrays(4, 1, (4, 20)))
    streamed, _ = model.streaming_transform(0)
    _assert_same_bits(streamed.to_program(board), _arrays(5, 4, (20,)))


def test_two_models_in_one_program():
    builder = ProgramBuilder(Config.bittware_ia420f_c6b32())
    streamed, _ = _nnir(CausalCnn(12, 40), torch.zeros(1, 12, 5)).streaming_transform(2)
    builder.add_nnir(_nnir(ResidualMlp(50, 40, 10), torch.zeros(50)))
    builder.add_nnir(streamed)
    program = builder.to_program()
    _assert_same_bits(program, _arrays(6, 1, (50,)))
    _assert_same_bits(program, _arrays(7, 4, (1, 12)), model_index=1)


class Mixture(nn.Module):
    """Elementwise functions, rearrangements and a depthwise convolution, on odd sizes."""

    def __init__(self):
        super().__init__()
        self.depthwise = vollo_torch.nn.PaddedConv1d(45, 45, 3, dilation=2, groups=45)
        self.mix = nn.Linear(45, 37)

    def forward(self, x, y):
        a = torch.tanh(self.depthwise(x)).transpose(1, 2)
        b = nn.functional.silu(self.mix(a)) * torch.sigmoid(y) - y.abs() / 3
        c = torch.cat([b[..., 5:30], torch.maximum(b, 0.5 - y)[..., ::3]], dim=-1)
        return c.clamp(-0.3, 0.9), torch.rsqrt(torch.exp(y).clamp(min=0.1))


def test_elementwise_rearranged_and_depthwise():
    shapes = [(1, 45, 6), (1, 6, 37)]
    model = _nnir(Mixture(), *(torch.zeros(shape) for shape in shapes))
    program = model.to_program(Config.bittware_ia420f_c6b32())
    _assert_same_bits(program, _arrays(8, 2, *shapes))
    streamed, axes = model.streaming_transform([2, 1])
    assert axes == (1, 1)
    _assert_same_bits(streamed.to_program(Config.ip_core(3, 16)), _arrays(9, 6, (1, 45), (1, 37)))


@pytest.mark.parametrize("scale", [1e-42, 1e-20, 1e15, 3e38])
def test_extreme_scales_and_special_values(scale):
    with np.errstate(over="ignore"):
        inputs = _arrays(10, 1, (70,))[0][0] * np.float32(scale)
    inputs[:5] = [np.inf, -np.inf, np.nan, -0.0, np.float32(1e-45)]
    program = _nnir(nn.Sequential(nn.Tanh(), nn.Linear(70, 33), nn.Sigmoid()), torch.zeros(70))
    _assert_same_bits(program.to_program(Config.bittware_ia420f_c6b32()), [[inputs]])
    clean = np.where(np.isfinite(inputs), inputs, np.float32(0))
    program = _nnir(nn.Sequential(nn.Linear(70, 33), nn.ReLU()), torch.zeros(70))
    _assert_same_bits(program.to_program(Config.bittware_ia420f_c6b32()), [[clean]])


class Functions(nn.Module):
    """Every elementwise function of one value."""

    def forward(self, x):
        return (
            torch.tanh(x),
            torch.sigmoid(x),
            nn.functional.silu(x),
            torch.exp(x),
            torch.sqrt(x),
            torch.rsqrt(x),
            torch.reciprocal(x),
            -x,
            x.abs(),
            nn.functional.hardtanh(x),
            torch.exp2(x),
            torch.log(x),
            torch.log2(x),
            torch.log10(x),
            nn.functional.softplus(x),
            nn.functional.gelu(x),
            nn.functional.gelu(x, approximate="tanh"),
            nn.functional.elu(x),
            nn.functional.hardswish(x),
            nn.functional.leaky_relu(x),
            torch.where(x > 1e-30, x, 2.0),
            torch.where(x >= -0.0, 1.0, x),
        )


def test_every_function_on_every_bf16_value():
    values = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    program = _nnir(Functions(), torch.zeros(1 << 16)).to_program(Config.ip_core(2, 512))
    _assert_same_bits(program, [[values]])


class PreciseFunctions(Functions):
    """The same in float32."""

    def forward(self, x):
        with vollo_torch.Fp32Activations():
            return super().forward(x)


@pytest.mark.parametrize("seed", [1, 2])
def test_functions_keep_all_bits_in_float32(seed):
    prepared, _ = vollo_torch.fx.prepare_shape(PreciseFunctions(), torch.zeros(1 << 16))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared, NumberFormat.FP32, NumberFormat.FP32)
    random = np.random.default_rng(seed)
    anywhere = random.integers(1 << 32, size=1 << 15, dtype=np.uint32).view(np.float32)
    ordinary = random.normal(scale=6, size=1 << 15).astype(np.float32)
    values = np.concatenate([anywhere, ordinary])
    _assert_same_bits(nnir.to_program(Config.ip_core(2, 512)), [[values]])


class AlongAxes(nn.Module):
    """Everything that reduces, along the vectors and across them."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.RMSNorm(45), nn.LayerNorm(45), nn.BatchNorm1d(6)])

    def forward(self, x):
        norms = [norm(x) for norm in self.norms]
        return (
            *norms,
            *(x.softmax(axis) for axis in range(3)),
            *(x.mean(axis, keepdim=True) for axis in range(3)),
            x.sum((1, 2), keepdim=True),
            nn.functional.max_pool1d(x, 3, 2),
        )


@pytest.mark.parametrize("scale", [1e-42, 1e-20, 1.0, 1e15, 3e38])
def test_reductions_at_extreme_scales_and_of_special_values(scale):
    shape = (7, 6, 45)
    with np.errstate(over="ignore"):
        x = _arrays(12, 1, shape)[0][0] * np.float32(scale)
    special = [np.inf, -np.inf, np.nan, -0.0, np.float32(1e-45)]
    for row, value in enumerate(special):
        x[row, row, 3 * row : 20] = value
    x[5, 0] = -np.inf
    x[5, 1] = -0.0
    model = _nnir(AlongAxes(), torch.zeros(shape))
    _assert_same_bits(model.to_program(Config.ip_core(3, 16)), [[x]])


def test_a_softmax_gives_nothing_to_negative_infinity():
    x = np.array([[1.0, -np.inf, 0.5], [-np.inf] * 3, [np.inf, 0.0, 1.0]], np.float32)
    program = _nnir(nn.Softmax(-1), torch.zeros(3, 3)).to_program(Config.ip_core(1, 8))
    got = program.to_vm().run(x)
    expected = torch.softmax(torch.from_numpy(x), -1).numpy()
    assert got[0, 1] == 0
    np.testing.assert_allclose(got, expected, rtol=4e-3)
