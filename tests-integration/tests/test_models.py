"""Whole models of the kinds that users bring: streamed as PyTorch computes the whole sequence."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from streaming_checks import Sequence, check, streamed, to_nnir
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import Config, NumberFormat

PaddedConv1d = vollo_torch.nn.PaddedConv1d


class WindowAttention(nn.Module):
    """Attention over the last steps: windows of keys and values, and scores that start at -inf."""

    def __init__(self, features, dim, window):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(features, dim) for _ in range(3))
        self.scale = 1 / math.sqrt(dim)
        self.scan = vollo_torch.nn.Scan(self.step)
        self.start = nn.ParameterList(
            [torch.zeros(window, dim), torch.zeros(window, dim), torch.full((window, 1), -math.inf)]
        )

    def step(self, x, state):
        keys, values, bias = state
        keys = torch.cat([keys[1:], self.key(x)[None]])
        values = torch.cat([values[1:], self.value(x)[None]])
        bias = torch.cat([bias[1:], torch.zeros(1, 1)])
        scores = (keys * self.query(x)).sum(-1, keepdim=True) * self.scale + bias
        return (scores.softmax(0) * values).sum(0), (keys, values, bias)

    def forward(self, x):
        return self.scan(x, self.start)


def test_attention_over_a_sliding_window():
    model = WindowAttention(13, 20, window=5)
    check(model, 0, torch.randn(9, 13), tolerance=2e-5)


def test_the_first_step_of_a_window_attends_to_itself_alone():
    torch.manual_seed(3)
    model = WindowAttention(13, 20, window=5)
    program, _ = streamed(model, 0, torch.zeros(2, 13))
    x = torch.randn(13).bfloat16().float()
    np.testing.assert_array_equal(
        program.to_vm().run(x.numpy()), oracle.to_bf16(_linear_bits(model.value, x))
    )


def _linear_bits(layer, x):
    total = layer.bias.detach().numpy()
    weight = oracle.to_bf16(layer.weight.detach().numpy())
    for k in range(len(x)):
        total = oracle.fma(weight[:, k], x[k].numpy(), total)
    return total


class SelectiveScan(nn.Module):
    """A state space model whose step sizes and matrices follow from the input, a core a head."""

    def __init__(self, features, heads, width, states):
        super().__init__()
        self.heads, self.width, self.states = heads, width, states
        self.split = nn.Linear(features, heads * width)
        self.delta = nn.Linear(features, heads * width)
        self.b, self.c = (nn.Linear(features, states) for _ in range(2))
        self.a_log = nn.Parameter(torch.rand(states, width))
        self.d = nn.Parameter(torch.rand(width))
        self.merge = nn.Linear(heads * width, features)
        self.scan = vollo_torch.nn.Scan(self.step)

    def _column(self, values):
        return torch.stack([values[n : n + 1] for n in range(self.states)])

    def step(self, x, states):
        b, c = self._column(self.b(x)), self._column(self.c(x))
        parts, deltas = self.split(x), F.softplus(self.delta(x))
        outputs, after = [], []
        for head in range(self.heads):
            lanes = slice(head * self.width, (head + 1) * self.width)
            with vollo_torch.CorePartition([head]):
                u, delta = parts[lanes], deltas[lanes]
                decay = torch.exp(delta * -torch.exp(self.a_log))
                state = states[head] * decay + b * (delta * u)
                outputs.append((state * c).sum(0) + self.d * u)
                after.append(state)
        return self.merge(torch.cat(outputs)), after

    def forward(self, x):
        return self.scan(x, [torch.zeros(self.states, self.width) for _ in range(self.heads)])


def test_a_selective_scan_with_a_core_for_each_head():
    model = SelectiveScan(12, heads=3, width=9, states=4)
    program, _ = check(model, 0, torch.randn(7, 12), board=Config.ip_core(4, 8), tolerance=5e-5)
    check(model, 0, torch.randn(5, 12), board=Config.ip_core(2, 16), tolerance=5e-5)
    assert all(count > 0 for count in program.metrics().num_instrs[:3])


class FloatGru(nn.Module):
    """A GRU written out, whose state is float32."""

    def __init__(self, features, hidden):
        super().__init__()
        self.hidden = hidden
        self.x = nn.Linear(features, 3 * hidden)
        self.h = nn.Linear(hidden, 3 * hidden)
        self.scan = vollo_torch.nn.Scan(self.step)

    def step(self, x, h):
        from_x, from_h = self.x(x).chunk(3, -1), self.h(h).chunk(3, -1)
        reset = torch.sigmoid(from_x[0] + from_h[0])
        update = torch.sigmoid(from_x[1] + from_h[1])
        new = torch.tanh(from_x[2] + reset * from_h[2])
        with vollo_torch.Fp32Activations():
            h = new + update * (h - new)
        return h, h

    def forward(self, x):
        return self.scan(x, torch.zeros(2, self.hidden))


def test_a_gru_as_a_scan_with_a_float32_state():
    for model in (FloatGru(10, 21), Sequence(nn.GRU(10, 21))):
        _, axis = check(model, 0, torch.randn(8, 2, 10))
        assert axis == 0
    text = str(to_nnir(FloatGru(10, 21), torch.zeros(8, 2, 10))[0].streaming_transform(0)[0])
    assert text.count("activation_precision: Fp32") == 3


class WaveNet(nn.Module):
    """Gated residual blocks with dilations 1 to 32 and a sum of skip connections."""

    def __init__(self, channels, skips):
        super().__init__()
        dilations = [1 << i for i in range(6)]
        self.enter = PaddedConv1d(1, channels, 1)
        self.filters, self.gates = (
            nn.ModuleList(PaddedConv1d(channels, channels, 2, dilation=d) for d in dilations)
            for _ in range(2)
        )
        self.residuals = nn.ModuleList(PaddedConv1d(channels, channels, 1) for _ in dilations)
        self.skips = nn.ModuleList(PaddedConv1d(channels, skips, 1) for _ in dilations)

    def forward(self, x):
        x = self.enter(x)
        total = 0
        for taps, gate, residual, skip in zip(
            self.filters, self.gates, self.residuals, self.skips, strict=True
        ):
            y = torch.tanh(taps(x)) * torch.sigmoid(gate(x))
            total = total + skip(y)
            x = x + residual(y)
        return F.relu(total)


def test_a_wavenet_with_dilations_to_32():
    check(WaveNet(9, 5), 2, torch.randn(1, 1, 70))


class Tcn(nn.Module):
    """Blocks as usually written: symmetric padding whose end is cut off, weights in sequence."""

    def __init__(self, channels, kernel_size=3):
        super().__init__()
        self.reach = [(kernel_size - 1) * dilation for dilation in (1, 2, 32)]
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel_size, padding=reach, dilation=reach // 2)
            for reach in self.reach
        )
        self.last = nn.Conv1d(channels, 3, kernel_size)

    def forward(self, x):
        for reach, conv in zip(self.reach, self.convs, strict=True):
            x = F.relu(conv(x)[..., :-reach]) + x
        return self.last(F.pad(x, (2, 0)))


def test_a_tcn_that_cuts_its_padding_off():
    check(Tcn(6), 2, torch.randn(1, 6, 80))


class Separable(nn.Module):
    """Depthwise along time, dense over the channels of each step."""

    def __init__(self, channels, blocks):
        super().__init__()
        self.depthwise = nn.ModuleList(
            PaddedConv1d(channels, channels, 4, dilation=1 + i, groups=channels)
            for i in range(blocks)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(blocks))
        self.dense = nn.ModuleList(nn.Linear(channels, channels) for _ in range(blocks))

    def forward(self, x):
        for depthwise, norm, dense in zip(self.depthwise, self.norms, self.dense, strict=True):
            x = x + F.gelu(dense(norm(depthwise(x).transpose(1, 2)))).transpose(1, 2)
        return x.transpose(1, 2)


def test_a_depthwise_separable_stack_moves_time_to_axis_1():
    _, axis = check(Separable(11, 3), 2, torch.randn(2, 11, 12))
    assert axis == 1


class Experts(nn.Module):
    """The better of three experts, by masks of width 1, and what the gate thinks of them."""

    def __init__(self, features, out):
        super().__init__()
        self.gate = nn.Linear(features, 3)
        self.experts = nn.ModuleList(nn.Linear(features, out) for _ in range(3))

    def forward(self, x):
        scores = self.gate(x).softmax(-1)
        first, second, third = (scores[..., i : i + 1] for i in range(3))
        a, b, c = (torch.tanh(expert(x)) for expert in self.experts)
        chosen = torch.where(
            (first >= second) & (first >= third), a, torch.where(second >= third, b, c)
        )
        return chosen, scores


def test_a_mixture_of_experts_chooses_by_narrow_masks():
    _, axes = check(Experts(10, 17), 1, torch.randn(2, 6, 10))
    assert axes == (1, 1)


class TwoCells(nn.Module):
    """Two LSTM cells whose states are the caller's."""

    def __init__(self, features, hidden):
        super().__init__()
        self.first, self.second = nn.LSTMCell(features, hidden), nn.LSTMCell(hidden, hidden)

    def forward(self, x, h0, c0, h1, c1):
        h0, c0 = self.first(x, (h0, c0))
        h1, c1 = self.second(h0, (h1, c1))
        return h1, h0, c0, h1, c1


def test_lstm_cells_with_states_as_inputs_and_outputs():
    torch.manual_seed(11)
    model = TwoCells(7, 10)
    layers = nn.LSTM(7, 10, num_layers=2)
    for index, cell in enumerate((model.first, model.second)):
        for name, value in cell.named_parameters():
            getattr(layers, f"{name}_l{index}").data = value.data
    bf16, fp32 = NumberFormat.BF16, NumberFormat.FP32
    state = [torch.zeros(10)] * 4
    prepared, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(7), *state)
    nnir = vollo_torch.fx.nnir.to_nnir(
        prepared, [bf16, bf16, fp32, bf16, fp32], [bf16, bf16, fp32, bf16, fp32]
    )
    program = nnir.to_program(Config.ip_core(2, 8))
    vm, reference = program.to_vm(), oracle.Oracle(program.save_bytes())
    kept, _ = streamed(Sequence(layers), 0, torch.zeros(6, 7))
    kept_vm = kept.to_vm()
    x = torch.randn(6, 7)
    expected = layers(x)[0].detach().numpy()
    states = [np.zeros(10, np.float32)] * 4
    for step in range(6):
        inputs = [x[step].numpy(), *states]
        outputs = vm.run(inputs)
        for got, want in zip(outputs, reference.run(inputs), strict=True):
            np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))
        np.testing.assert_array_equal(outputs[0], kept_vm.run(inputs[0]))
        np.testing.assert_allclose(outputs[0], expected[step], atol=0.01)
        states = list(outputs[1:])


class Everywhere(nn.Module):
    """A step whose body uses an operator of every group, with states of several kinds."""

    def __init__(self):
        super().__init__()
        self.fc, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)
        self.cell = nn.GRUCell(8, 8)
        self.register_buffer("order", torch.tensor([7, 1, 3, 3, 0, 2, 6, 5]))
        self.start = nn.ParameterList([torch.ones(8), torch.zeros(2, 8), torch.full((8,), -9.0)])
        self.scan = vollo_torch.nn.Scan(self.step)

    def step(self, x, s):
        hidden, pair, peak = s
        hidden = self.cell(self.norm(self.fc(x)), hidden)
        mixed = torch.where((x > 0) & (hidden <= x), x[self.order], F.pad(hidden[1:], (1, 0)))
        pair = torch.stack([pair[1], mixed.roll(2, 0)])
        peak = torch.maximum(peak, F.softplus(mixed) / 2)
        y = pair.mean(0) + F.hardswish(peak) - torch.exp(-mixed.abs())
        return (y, peak[::2]), (hidden, pair, peak)

    def forward(self, x):
        return self.scan(x, self.start, 0, 1)


def test_a_step_of_operators_of_every_group():
    _, axes = check(Everywhere(), 0, torch.randn(6, 8))
    assert axes == (1, 1)


@pytest.mark.parametrize("axes", [(0, 0), (1, 1), (0, 1)])
def test_inputs_stream_over_axes_of_their_own(axes):
    class Sum(nn.Module):
        def forward(self, x, y):
            y = y.transpose(0, 1) if axes == (0, 1) else y
            return torch.relu(x + y), (x * y).transpose(0, 2)

    x, y = torch.randn(4, 5, 6), torch.randn(5, 4, 6) if axes == (0, 1) else torch.randn(4, 5, 6)
    _, output_axes = check(Sum(), list(axes), x, y)
    assert output_axes == ((0, 2) if axes[0] == 0 else (1, 1))


class Stateful(nn.Module):
    """A state of each kind: a recurrence, a sum, a window and a delay."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(9, 9)
        self.window = PaddedConv1d(9, 9, 3)

    def forward(self, x):
        x = self.gru(x)[0].cumsum(0) * 0.5 + F.pad(x, (0, 0, 2, 0))[:-2]
        return self.window(x.T).T


def test_every_kind_of_state_can_be_reset():
    x = torch.randn(7, 9)
    program, axis = check(Stateful(), 0, x, generate_state_reset=True)
    vm = program.to_vm()
    first = vm.run_timesteps(x.numpy(), 0, axis)
    assert not np.array_equal(vm.run_timesteps(x.numpy(), 0, axis), first)
    vm.reset()
    np.testing.assert_array_equal(vm.run_timesteps(x.numpy(), 0, axis), first)


def test_streams_of_one_machine_keep_states_of_their_own():
    torch.manual_seed(9)
    x = torch.randn(3, 7, 9)
    program, _ = streamed(Stateful(), 0, x[0])
    many = program.to_vm(num_streams=3)
    alone = [program.to_vm() for _ in range(3)]
    for step in range(7):
        outputs = many.run(x[:, step].numpy())
        for stream, vm in enumerate(alone):
            np.testing.assert_array_equal(outputs[stream], vm.run(x[stream, step].numpy()))
