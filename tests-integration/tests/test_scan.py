"""Models that hand state from step to step: as in PyTorch, and with the bits of the documents."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_checks import (
    BOARD,
    assert_bits_of_the_documents,
    assert_near_pytorch,
    check,
    streamed,
    to_nnir,
)
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import Config, NumberFormat, Program


class Scanning(nn.Module):
    """A scan of a step over the model's inputs."""

    def __init__(self, step, state, single=True, **axes):
        super().__init__()
        self.scan = vollo_torch.nn.Scan(step)
        self.state = state
        self.single = single
        self.axes = axes

    def forward(self, *xs):
        return self.scan(xs[0] if self.single else xs, self.state, **self.axes)


class StateSpace(nn.Module):
    """A linear state space model."""

    def __init__(self, dim, hidden):
        super().__init__()
        sizes = {"a": (hidden, hidden), "b": (dim, hidden), "c": (hidden, dim), "d": (dim, dim)}
        for name, size in sizes.items():
            self.add_module(name, nn.Linear(*size, bias=False))

    def forward(self, x, h):
        h = self.a(h) + self.b(x)
        return self.c(h) + self.d(x), h


def test_a_state_space_model():
    model = Scanning(StateSpace(12, 20), torch.zeros(20))
    check(model, 0, torch.randn(6, 12), allow_dynamic_weights=True)


def test_earlier_state_is_worked_on_in_idle_time():
    program, _ = streamed(
        Scanning(StateSpace(64, 64), torch.zeros(64)),
        0,
        torch.randn(3, 64),
        board=Config.amd_v80_c6b32(),
    )
    assert program.cycle_count_per_inference(spaced=True) < program.cycle_count_per_inference(
        spaced=False
    )


class TwoOfEach(nn.Module):
    """Two sequences, three states and two outputs; a state moves into another."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 9)

    def forward(self, xs, states):
        x, y = xs
        slow, fast, before = states
        fast = torch.tanh(self.fc(x) + fast)
        slow = 0.75 * slow + 0.25 * fast
        return [slow * y, before - y], (slow, fast, y)


class OldAndNew(nn.Module):
    """Old states that are read late: by an output, by a result of results, by another state."""

    def forward(self, x, states):
        a, b, c, d = states
        late = torch.tanh(2 * x - 1) - b
        return [a, late, c + d], (a + x, b + x, c + x, c)


def test_old_states_are_read_before_new_ones_take_their_places():
    states = nn.ParameterList([torch.rand(40) for _ in range(4)])
    check(Scanning(OldAndNew(), states), 0, torch.randn(6, 40))


class OnItsOwn(nn.Module):
    """A state that goes on without inputs, and is worked on before they are there."""

    def __init__(self, size):
        super().__init__()
        self.fc = nn.Linear(size, size)

    def forward(self, x, h):
        h = torch.tanh(self.fc(h))
        return h + x, h


def test_a_state_that_needs_no_input_goes_on_once_a_step():
    xs = torch.randn(4, 256)
    program, _ = check(Scanning(OnItsOwn(256), torch.rand(256)), 0, xs)
    vm = program.to_vm()
    vm.run(xs[0].numpy())
    snapshot = vm.snapshot()
    expected = vm.run(xs[1].numpy())
    vm.restore(snapshot)
    np.testing.assert_array_equal(vm.run(xs[1].numpy()), expected)


@pytest.mark.parametrize(("input_axis", "output_axis"), [(0, 0), (0, 1), (1, 0), (-2, -1)])
def test_several_sequences_states_and_outputs_along_any_axis(input_axis, output_axis):
    shapes = [(2, 5), (2, 9)]
    for shape in range(2):
        shapes[shape] = list(shapes[shape])
        shapes[shape].insert(input_axis % 3, 4)
    start = nn.ParameterList([torch.rand(2, 9), torch.rand(2, 9), torch.rand(2, 9)])
    axes = {"input_axis": input_axis, "output_axis": output_axis}
    model = Scanning(TwoOfEach(), start, single=False, **axes)
    _, output_axes = check(model, [input_axis % 3] * 2, *(torch.randn(shape) for shape in shapes))
    assert output_axes == (output_axis % 3, output_axis % 3)


class Gru(nn.Module):
    """A GRU step whose state is float32."""

    def __init__(self, size, hidden):
        super().__init__()
        self.input = nn.Linear(size, 3 * hidden)
        self.hidden = nn.Linear(hidden, 3 * hidden)

    def forward(self, x, h):
        a, b = self.input(x).chunk(3, -1), self.hidden(h).chunk(3, -1)
        reset, update = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
        new = torch.tanh(a[2] + reset * b[2])
        with vollo_torch.Fp32Activations():
            h = new + update * (h - new)
        return h, h


def test_a_gru_with_float32_state():
    model = Scanning(Gru(7, 16), torch.zeros(16))
    x = torch.randn(8, 7)
    program, _ = check(model, 0, x)
    layer = nn.GRU(7, 16)
    step = model.scan.step
    step.input.weight.data, step.input.bias.data = layer.weight_ih_l0, layer.bias_ih_l0
    step.hidden.weight.data, step.hidden.bias.data = layer.weight_hh_l0, layer.bias_hh_l0
    _, expected = to_nnir(model, x)
    torch.testing.assert_close(expected[0], layer(x)[0])
    assert program.to_vm().run(x[0].numpy()).shape == (16,)


class Average(nn.Module):
    def forward(self, x, s):
        s = s + 2.0**-10 * x
        return s, s


@pytest.mark.parametrize("precise", [False, True])
def test_a_state_is_as_precise_as_the_context_around_the_scan(precise):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.scan = vollo_torch.nn.Scan(Average())

        def forward(self, x):
            if not precise:
                return self.scan(x, torch.ones(3))
            with vollo_torch.Fp32Activations():
                return self.scan(x, torch.ones(3))

    program, axis = streamed(Model(), 0, torch.zeros(4, 3), precision=NumberFormat.FP32)
    outputs = program.to_vm().run_timesteps(np.ones((4, 3), np.float32), 0, axis)
    steps = np.arange(1, 5) * 2.0**-10 if precise else np.zeros(4)
    np.testing.assert_array_equal(outputs[:, 0], 1 + steps)


class WindowAttention(nn.Module):
    """Attention over the last steps; a bias of -inf hides those before the first."""

    def __init__(self, size, window):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
        self.scan = vollo_torch.nn.Scan(self.attend)
        self.register_buffer("empty", torch.full((window, 1), -torch.inf))
        self.size, self.window = size, window

    def attend(self, x, s):
        keys, values, bias = s
        keys = torch.cat([keys[1:], self.key(x)[None]])
        values = torch.cat([values[1:], self.value(x)[None]])
        bias = torch.cat([bias[1:], torch.zeros(1, 1)])
        scores = (keys * self.query(x)).sum(-1, keepdim=True) / self.size**0.5 + bias
        return (scores.softmax(0) * values).sum(0), (keys, values, bias)

    def forward(self, x):
        none = torch.zeros(self.window, self.size)
        return self.scan(x, (none, none, self.empty))


def test_attention_over_a_sliding_window():
    check(WindowAttention(12, 4), 0, torch.randn(9, 12))


class SelectiveScan(nn.Module):
    """The step of a Mamba block, with the channels as data dimension."""

    def __init__(self, channels, states):
        super().__init__()
        self.delta = nn.Linear(channels, channels)
        self.b, self.c = (nn.Parameter(torch.randn(states, channels) / 4) for _ in range(2))
        self.a_log = nn.Parameter(torch.rand(states, channels))
        self.d = nn.Parameter(torch.rand(channels))

    def forward(self, x, h):
        delta = nn.functional.softplus(self.delta(x))
        b = (self.b * x).sum(-1, keepdim=True)
        c = (self.c * x).sum(-1, keepdim=True)
        with vollo_torch.Fp32Activations():
            h = torch.exp(-torch.exp(self.a_log) * delta) * h + b * (delta * x)
        return (c * h).sum(0) + self.d * x, h


def test_a_selective_scan():
    torch.manual_seed(1)
    check(Scanning(SelectiveScan(11, 3), torch.zeros(3, 11)), 0, torch.randn(6, 11))


def test_a_step_may_use_what_lies_around_it():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.scale = nn.Parameter(torch.rand(4))
            self.scan = vollo_torch.nn.Scan(lambda x, s: (self.fc(s) * self.scale, x))
            self.start = vollo_torch.nn.Ones()

        def forward(self, x):
            return torch.relu(self.scan(self.fc(x), self.start(4))) + x

    check(Model(), 0, torch.randn(5, 4))


class InPlace(nn.Module):
    def forward(self, x, s):
        total, weight = s
        total += x
        weight *= 0.5
        return total + weight, (total, weight)


def test_a_step_may_change_its_states_in_place():
    check(Scanning(InPlace(), [torch.zeros(4), torch.ones(4)]), 0, torch.randn(5, 4))


def test_a_state_of_one_value():
    model = Scanning(lambda x, n: (x * (n + 1), n + 1), torch.tensor(0.0))
    check(model, 0, torch.randn(5, 4))


def test_one_scan_is_called_twice_with_a_state_for_each():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.scan = vollo_torch.nn.Scan(StateSpace(4, 6))

        def forward(self, x):
            return self.scan(self.scan(x, torch.zeros(6)), torch.ones(6))

    check(Model(), 0, torch.randn(5, 4))


def test_a_constant_sequence_and_a_state_that_stays():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.scan = vollo_torch.nn.Scan(lambda x, s: (x[0] * x[1] + s, s))

        def forward(self, x):
            return self.scan((x, torch.full((5, 4), 0.5)), torch.full_like(x[0], 3.0))

    check(Model(), 0, torch.randn(5, 4))


def test_a_scan_between_layers_that_stream():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = vollo_torch.nn.PaddedConv1d(6, 6, 3)
            self.scan = vollo_torch.nn.Scan(StateSpace(6, 10))
            self.lstm = vollo_torch.nn.LSTM(6, 5, batch_first=True)

        def forward(self, x):
            y = self.scan(self.conv(x), torch.zeros(1, 10), input_axis=2, output_axis=1)
            return self.lstm(y)

    _, axis = check(Model(), 2, torch.randn(1, 6, 7))
    assert axis == 1


def test_state_is_reset_to_its_start():
    model = Scanning(StateSpace(4, 6), torch.rand(6))
    x = torch.randn(5, 4).numpy()
    program, axis = streamed(model, 0, torch.zeros(5, 4), generate_state_reset=True)
    vm = program.to_vm()
    first = vm.run_timesteps(x, 0, axis)
    assert not np.array_equal(vm.run_timesteps(x, 0, axis), first)
    vm.reset()
    np.testing.assert_array_equal(vm.run_timesteps(x, 0, axis), first)


def test_a_saved_scan_and_its_saved_program_compute_the_same(tmp_path):
    model, x = Scanning(TwoOfEach(), [torch.rand(9)] * 3, single=False), torch.randn(5, 5)

    class OneInput(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            return self.inner(x, torch.cat([x, x[:, :4]], 1))

    program, axes = check(OneInput(), 0, x)
    vollo_torch.fx.save(OneInput(), x, tmp_path / "model.tar.gz")
    loaded, _ = vollo_torch.fx.load(tmp_path / "model.tar.gz")
    again, _ = streamed(loaded, 0, x)
    program.save(tmp_path / "program.vollo")
    from_file = Program.load(tmp_path / "program.vollo")
    expected = program.to_vm().run_timesteps(x.numpy(), 0, axes)
    for other in (again, from_file):
        outputs = other.to_vm().run_timesteps(x.numpy(), 0, axes)
        for got, want in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(got, want)


class TwiceInAStep(nn.Module):
    def __init__(self, batch):
        super().__init__()
        self.cell = vollo_torch.nn.LSTMCell(6, 10, batch_size=batch)
        self.other = vollo_torch.nn.LSTMCell(10, 10, batch_size=batch)

    def forward(self, x, h):
        h = self.cell(x, h)
        h = self.cell(torch.relu(x), h)
        h = self.other(h, h)
        return h, h


@pytest.mark.parametrize("batch", [None, 3])
def test_an_lstm_cell_carries_its_state_from_call_to_call(batch):
    rows = () if batch is None else (batch,)
    model = Scanning(TwiceInAStep(batch), torch.zeros(*rows, 10))
    check(model, 0, torch.randn(5, *rows, 6))


def test_an_lstm_cell_outside_of_a_scan_carries_its_state_from_inference_to_inference():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = vollo_torch.nn.LSTMCell(6, 10)

        def forward(self, x, h):
            return self.cell(x[1], self.cell(x[0], h))

    model, x, h = Model(), torch.randn(3, 2, 6), torch.zeros(10)
    nnir, _ = to_nnir(model, x[0], h)
    program = nnir.to_program(BOARD)
    vm, reference = program.to_vm(bit_accurate=False), oracle.Oracle(program.save_bytes())
    exact = program.to_vm()
    with torch.no_grad():
        for pair in x:
            want = model(pair, h)
            arrays = [pair.numpy(), h.numpy()]
            np.testing.assert_allclose(vm.run(arrays), want.numpy(), atol=1e-5)
            np.testing.assert_array_equal(exact.run(arrays), reference.run(arrays)[0])


@pytest.mark.parametrize("given", [False, True])
def test_a_recurrent_state_lstm_streams_from_its_state(given):
    state = (torch.rand(2, 1, 9), torch.rand(2, 1, 9)) if given else None
    layer = vollo_torch.nn.RecurrentStateLSTM(5, 9, 2, batch_first=True, init_state=state)
    model = nn.Sequential(layer)
    nnir, _ = to_nnir(model, torch.zeros(1, 6, 5))
    whole = torch.randn(1, 6, 5)
    with torch.no_grad():
        expected = torch.cat([model(whole[:, :2]), model(whole[:, 2:])], 1)
    steps, axis = nnir.streaming_transform(1)
    program = steps.to_program(BOARD)
    assert_near_pytorch(program, 1, axis, [whole], [expected])
    assert_bits_of_the_documents(program, 1, [whole])


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.weights = nn.Parameter(torch.rand(3, 4))
        self.fc, self.recurrent = nn.Linear(4, 4), nn.GRU(4, 4)
        self.window, self.wide = nn.Conv1d(4, 4, 3), nn.Conv1d(4, 4, 3, padding=2)

    def forward(self, x):
        return self.function(self, x)


def _window(model, x):
    padded = torch.cat([torch.zeros(2, 4), x])
    return sum(model.weights[i] * padded[i : i + 6] for i in range(3))


@pytest.mark.parametrize(
    "function",
    [
        lambda m, x: x - torch.cat([torch.zeros(1, 4), x[:-1]]),
        lambda m, x: torch.cat([torch.full((2, 4), 0.5), torch.full((1, 4), 0.5), x[:-3]], 0) + x,
        lambda m, x: torch.cat([m.weights[:1], torch.tanh(x)])[:6] * x,
        lambda m, x: torch.cat([torch.zeros(3, 4), x])[1:-2],
        lambda m, x: torch.cat([torch.zeros(1, 2), x[:-1, 1:3]]) - x[:, :2],
        lambda m, x: torch.cat([torch.zeros(3, 4), x])[3:] * 2,
        lambda m, x: torch.cat([torch.zeros(4, 1), x.T[:, :-1]], 1),
        _window,
        lambda m, x: torch.cat([torch.zeros(1, 4), torch.relu(x[:-1]) * x[:-1]]) + x,
        lambda m, x: torch.cat([torch.zeros(2, 4), m.recurrent(m.fc(x[:-2]).cumsum(0))[0]]),
        lambda m, x: m.window(torch.relu(F.pad(x, (0, 0, 2, 0)).T) + 0.5 - 0.5).T,
        lambda m, x: torch.relu(m.wide(x.T))[:, :-2].T * 2,
        lambda m, x: m.window(F.pad(x, (0, 0, 2, 3)).T)[:, :-3].T,
        lambda m, x: sum((F.pad(x, (0, 0, 2, 0)) * m.weights[0] + 0.25)[i : i + 6] for i in (0, 2)),
    ],
)
def test_a_shift_to_later_steps_is_a_delay(function):
    model, x = Applied(function), torch.randn(6, 4)
    program, output_axes = check(model, 0, x)
    whole = to_nnir(model, x)[0].to_program(BOARD).to_vm().run(x.numpy())
    steps = program.to_vm().run_timesteps(x.numpy(), 0, output_axes)
    np.testing.assert_array_equal(steps.view(np.uint32), whole.view(np.uint32))


class RandomStep(nn.Module):
    """Operations one after another on elements and states; the last results go on."""

    def __init__(self, operations, layers, states, precise):
        super().__init__()
        self.operations = operations
        self.layers = layers
        self.states = states
        self.precise = precise

    def forward(self, x, s):
        values = [*x, *s]
        for name, a, b, layer in self.operations:
            left, right = values[a % len(values)], values[b % len(values)]
            if name in self.precise:
                with vollo_torch.Fp32Activations():
                    values.append(OPERATIONS[name](left, right))
            else:
                values.append(OPERATIONS[name](left, right))
            if name == "linear":
                values[-1] = self.layers[layer](values[-1])
        bounded = [torch.tanh(value) for value in values[-self.states :]]
        return tuple(values[-2:]), bounded[::-1]


OPERATIONS = {
    "add": lambda a, b: a + b,
    "scale": lambda a, b: 0.5 * a - b * 0.25,
    "gate": lambda a, b: torch.sigmoid(a) * b,
    "maximum": torch.maximum,
    "turn": lambda a, b: torch.cat([a[4:], b[:4]]),
    "share": lambda a, b: a.softmax(0) + b,
    "linear": lambda a, b: a,
}


@given(
    operations=st.lists(
        st.tuples(
            st.sampled_from(sorted(OPERATIONS)),
            st.integers(0, 20),
            st.integers(0, 20),
            st.integers(0, 1),
        ),
        min_size=2,
        max_size=7,
    ),
    states=st.integers(1, 3),
    precise=st.sets(st.sampled_from(["add", "scale", "maximum"])),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_random_steps(operations, states, precise):
    torch.manual_seed(len(operations))
    layers = nn.ModuleList([nn.Linear(13, 13), nn.Linear(13, 13)])
    step = RandomStep(operations, layers, states, precise)
    start = [torch.rand(13) for _ in range(states)]
    check(Scanning(step, start, single=False), [0, 0], torch.randn(5, 13), torch.randn(5, 13))
