"""What a user reads: printed models and refusals."""

import pytest
import torch
from torch import nn

import vollo_torch
from vollo_compiler import Config


def to_nnir(model, *inputs, **options):
    prepared, _ = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared, **options)


def refusal(model, *inputs):
    with pytest.raises(ValueError) as error:
        to_nnir(model, *inputs)
    return str(error.value)


def test_a_printed_model_shows_a_line_a_node():
    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 64)

        def forward(self, x):
            return torch.relu(self.linear(x))

    lines = [line.strip() for line in str(to_nnir(Dense(), torch.zeros(1, 5, 64))).splitlines()]
    assert (
        "Id(1) - (linear) Linear(weight: (64, 64), weight_precision: Bf16, bias: 64, "
        "input: Id(0)) - [1, 5, 64]"
    ) in lines
    assert (
        "Id(2) - (relu) Clamp(min: 0, max: None, input: Id(1), activation_precision: Bf16) "
        "- [1, 5, 64]"
    ) in lines


def test_unsupported_operations_are_gathered_into_one_message():
    class Unsupported(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.conv = nn.Conv2d(1, 1, 1)

        def forward(self, x):
            y = torch.abs(torch.fft.fft(torch.fft.fft(self.linear(x))))
            return self.conv(torch.erf(y).erfinv()[None])[0].cumprod(dim=1)

    assert refusal(Unsupported(), torch.zeros(1, 4, 4)) == (
        "Unsupported operations encountered translating to Vollo NNIR:\n"
        "  unsupported function 'erf': found 1\n"
        "  unsupported function 'fft_fft': found 2\n"
        "  unsupported method 'cumprod': found 1\n"
        "  unsupported method 'erfinv': found 1\n"
        "  unsupported module 'Conv2d': found 1"
    )


def test_unsupported_attributes_join_the_message():
    class Unsupported(nn.Module):
        def forward(self, x):
            return torch.fft.fft(x).real

    assert refusal(Unsupported(), torch.zeros(4)).splitlines()[1:] == [
        "  unsupported attribute 'real': found 1",
        "  unsupported function 'fft_fft': found 1",
    ]


def test_dropout_in_training_mode_is_told_to_call_eval():
    text = refusal(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), torch.zeros(3, 4))
    assert text == ("_1 (Dropout): dropout is active in training mode; call model.eval() first")


def test_dropout_in_eval_mode_passes_through():
    assert to_nnir(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)).eval(), torch.zeros(3, 4))


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("convert", "name"),
    [
        (lambda x: x.to(torch.int32), "int32"),
        (lambda x: x.to(dtype=torch.int32), "int32"),
        (lambda x: x.type("torch.IntTensor"), "torch.IntTensor"),
    ],
)
def test_a_conversion_to_another_type_is_refused(convert, name):
    message = f"tensors of type {name} are not supported; keep float32 in the model"
    assert refusal(Applied(convert), torch.zeros(3)).endswith(message)


@pytest.mark.parametrize(
    ("model", "x", "message"),
    [
        (nn.ReLU(), torch.zeros(0), "input_1 (Input): its shape [0] holds no values"),
        (nn.Linear(0, 4), torch.zeros(2, 0), "input_1 (Input): its shape [2, 0] holds no values"),
        (
            Applied(lambda x: x.narrow(1, 0, 0)),
            torch.zeros(3, 4),
            "narrow (Slice): its shape [3, 0] holds no values",
        ),
    ],
)
def test_a_tensor_without_values_is_named(model, x, message):
    assert refusal(model, x) == message + "; leave it out of the model"


@pytest.mark.parametrize("option", ["inputs_precisions", "outputs_precisions"])
def test_empty_precisions_are_refused(option):
    with pytest.raises(ValueError, match="must not be empty; give one, or one for each"):
        to_nnir(nn.ReLU(), torch.zeros(3), **{option: []})


def test_a_weight_of_the_run_is_refused_where_only_constants_are_supported():
    model = Applied(lambda x: nn.functional.conv1d(x, torch.relu(x)))
    assert refusal(model, torch.zeros(4, 4, 1)) == (
        "conv1d (conv1d): its weight is computed at run time; give a parameter or a buffer"
    )


def test_an_undocumented_function_of_the_same_name_is_told_apart():
    model = Applied(lambda x: torch.batch_norm(x, None, None, x[0], x[1], False, 0.1, 1e-5, False))
    assert refusal(model, torch.ones(4, 4)) == (
        "batch_norm (batch_norm): torch.batch_norm is not supported; use "
        "torch.nn.functional.batch_norm, whose arguments have another order"
    )


def test_a_weight_without_two_axes_is_refused():
    weight = torch.zeros(6)
    model = Applied(lambda x: nn.functional.linear(x, weight))
    assert refusal(model, torch.zeros(4, 6)) == (
        "linear (linear): its weight has shape [6]; give one of two axes, (out, in)"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: (x > 0) * x,
            "mul (mul): the argument input is a comparison, which can only be the condition of "
            "where; choose between 1 and 0 with torch.where to compute with it",
        ),
        (
            lambda x: x.max(),
            "max_1 (max): only the larger or smaller of two tensors is supported, not of one; "
            "compare its parts with torch.maximum or torch.minimum",
        ),
        (
            lambda x: torch.max(x, 1)[0],
            "max_1 (max): only the larger or smaller of two tensors is supported, not of one; "
            "compare its parts with torch.maximum or torch.minimum",
        ),
        (
            lambda x: nn.functional.max_pool1d(x, 2, padding=1),
            "max_pool1d (max_pool1d): padding=1 is not supported; use 0",
        ),
        (
            lambda x: nn.functional.avg_pool1d(x, 2, ceil_mode=True),
            "avg_pool1d (avg_pool1d): ceil_mode=True is not supported; use False",
        ),
        (
            nn.Sequential(nn.MaxPool1d(2, return_indices=True)),
            "function_0 (MaxPool1d): return_indices is not supported; only the values are there",
        ),
        (
            lambda x: x.sum(-1, dtype=torch.float64),
            "sum_1 (sum): tensors of type float64 are not supported; keep float32 in the model",
        ),
        (
            lambda x: nn.functional.layer_norm(x, (4,), x[0]),
            "layer_norm (layer_norm): its weight is computed at run time; leave it out and apply "
            "it after",
        ),
        (
            lambda x: torch.where(x > 0, x, 0.0) > 1,
            "output 0 is a comparison; choose values by it with torch.where and return those",
        ),
    ],
)
def test_forms_that_are_not_there_are_named(function, message):
    assert refusal(Applied(function), torch.zeros(3, 4)) == message


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(4), nn.BatchNorm1d(4, affine=False)])
def test_batch_normalization_in_training_mode_is_told_to_call_eval(norm):
    text = refusal(nn.Sequential(nn.Linear(4, 4), norm), torch.zeros(3, 4))
    assert text == "_1 (BatchNorm1d): it is in training mode; call model.eval() first"


def test_batch_normalization_without_statistics_is_refused():
    model = nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False)).eval()
    assert refusal(model, torch.zeros(3, 4)) == (
        "_0 (BatchNorm1d): it keeps no running statistics; set track_running_stats=True and train "
        "it"
    )


def test_pooling_of_what_lies_ahead_cannot_stream():
    nnir = to_nnir(nn.Sequential(nn.MaxPool1d(2, stride=1)), torch.zeros(3, 4))
    with pytest.raises(ValueError) as error:
        nnir.streaming_transform(1)
    assert str(error.value) == (
        "streaming_transform: _0 (MaxPool1d): only pooling with stride 1, of a sequence padded on "
        "the left by (kernel_size - 1) * dilation (1), can stream, and this one has stride 1 and "
        "padding 0; pool F.pad(x, (1, 0)) with stride=1"
    )


def test_a_sum_over_the_data_dimension_needs_keepdim():
    weight = torch.ones(6, 4)
    kept = Applied(lambda x: (weight @ x).sum(0, keepdim=True))
    to_nnir(kept, torch.zeros(4, 3)).to_program(Config.ip_core(1, 8))
    dropped = to_nnir(Applied(lambda x: (weight @ x).sum(0)), torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"no data dimension fits \[1! 3\] -> \[3\]"):
        dropped.to_program(Config.ip_core(1, 8))


def test_operators_of_several_steps_print_one_line():
    class Printed(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(8, eps=0.5, bias=False)
            self.batch = nn.BatchNorm1d(8)

        def forward(self, x):
            y = torch.where(x >= x.neg(), self.norm(x), self.batch(x).softmax(-1))
            return nn.functional.max_pool1d(y.sum(0, keepdim=True), 2)

    text = str(to_nnir(Printed().eval(), torch.zeros(3, 8)))
    bf16 = "activation_precision: Bf16"
    assert [line.strip() for line in text.splitlines()][-7:] == [
        f"Id(2) - (ge) GreaterEqual(inputs: [Id(0), Id(1)], {bf16}) - [3, 8]",
        "Id(3) - (norm) LayerNorm(axes: [1], eps: 0.5, weight: 8, bias: None, input: Id(0), "
        f"{bf16}) - [3, 8]",
        f"Id(4) - (batch) BatchNorm(scale: 8, shift: 8, axis: 1, input: Id(0), {bf16}) - [3, 8]",
        f"Id(5) - (softmax) Softmax(axis: 1, input: Id(4), {bf16}) - [3, 8]",
        f"Id(6) - (where) Select(inputs: [Id(2), Id(3), Id(5)], {bf16}) - [3, 8]",
        f"Id(7) - (sum_1) Sum(axes: [0], input: Id(6), {bf16}) - [1, 8]",
        "Id(8) - (max_pool1d) MaxPool1d(kernel_size: 2, stride: 2, dilation: 1, input: Id(7), "
        f"{bf16}) - [1, 4]",
    ]


def streaming_refusal(model, axes, *inputs):
    nnir = to_nnir(model, *inputs)
    with pytest.raises(ValueError) as error:
        nnir.streaming_transform(axes)
    return str(error.value)


class Scanning(nn.Module):
    def __init__(self, step, state=None, **axes):
        super().__init__()
        self.scan = vollo_torch.nn.Scan(step)
        self.state = torch.zeros(4) if state is None else state
        self.axes = axes

    def forward(self, x):
        return self.scan(x, self.state, **self.axes)


def running_sum(x, s):
    return x + s, x + s


def test_a_scan_prints_as_its_step():
    text = str(to_nnir(Scanning(running_sum, output_axis=1), torch.zeros(3, 4)))
    assert [line.strip() for line in text.splitlines()] == [
        "Inputs:",
        "Id(0) - (x) Input(index: 0) - [3, 4]",
        "Outputs:",
        "Id(5) - [4, 3]",
        "States:",
        "State(0) - (scan_state) depth: 1, source: Id(4) - [4]",
        "Nodes:",
        "Id(1) - (scan) ScanInput(axis: 0, input: Id(0)) - [4]",
        "Id(2) - (scan_state) StateRead(state: 0, age: 1) - [4]",
        "Id(3) - (scan.add) Add(inputs: [Id(1), Id(2)], activation_precision: Bf16) - [4]",
        "Id(4) - (scan.add_1) Add(inputs: [Id(1), Id(2)], activation_precision: Bf16) - [4]",
        "Id(5) - (scan) ScanOutput(axis: 1, length: 3, input: Id(3)) - [4, 3]",
    ]


@pytest.mark.parametrize(
    ("model", "place", "axis"),
    [
        (Scanning(running_sum, input_axis=-1, state=torch.zeros(3)), "scan (ScanInput)", 1),
        (nn.Sequential(vollo_torch.nn.RecurrentStateLSTM(4, 4)), "_0 (Lstm)", 0),
    ],
)
def test_what_must_be_streamed_says_so(model, place, axis):
    with pytest.raises(ValueError) as error:
        to_nnir(model, torch.zeros(3, 4)).to_program(Config.ip_core(1, 8))
    assert str(error.value) == (
        f"{place}: it hands state from one element of axis {axis} to the next and is compiled one "
        "element at a time; call streaming_transform with that axis first"
    )


def test_a_scan_along_another_axis_than_time_is_refused():
    model = Scanning(running_sum, input_axis=1, state=torch.zeros(3))
    assert streaming_refusal(model, 0, torch.zeros(3, 4)) == (
        "streaming_transform: scan (ScanInput): it scans axis 1 of [3, 4], but the streaming axis "
        "is 0; stream over the scanned axis, or scan with input_axis=0"
    )


def test_a_model_with_state_is_streamed_once():
    streamed, _ = to_nnir(Scanning(running_sum), torch.zeros(3, 4)).streaming_transform(0)
    with pytest.raises(ValueError) as error:
        streamed.streaming_transform(0)
    assert str(error.value) == (
        "streaming_transform: the model already keeps state (scan_state); transform it once, over "
        "all its streaming axes"
    )


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = vollo_torch.nn.Scan(running_sum)

    def forward(self, x, s):
        return self.inner(x[None], torch.zeros(4))[0], s


class Recurring(nn.Module):
    def __init__(self):
        super().__init__()
        self.memory = vollo_torch.nn.RecurrentStateLSTM(4, 4)

    def forward(self, x, s):
        return self.memory(x[None])[0], s


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Scanning(Nested()),
            "scan.step_inner (Scan): a Scan in the step of another Scan (scan) is not supported; "
            "write the inner loop out, or keep the states of both in one Scan",
        ),
        (
            Scanning(Recurring()),
            "scan.step_memory (RecurrentStateLSTM): its sequence would begin anew at each element "
            "of the scan; use vollo_torch.nn.LSTMCell",
        ),
        (
            Scanning(lambda x, s: (x, (s, s))),
            "scan (Scan): its step gets 1 states and gives 2; give as many",
        ),
        (
            Scanning(lambda x, s: (x, s + x), state=torch.zeros(1)),
            "scan (Scan): state 0 starts with shape [1], but its step gives it shape [4]; start "
            "with that shape",
        ),
        (
            Scanning(lambda x, s: (torch.where(x > 0, x, s), x @ torch.zeros(4, 3))),
            "scan (Scan): state 0 starts with shape [4], but its step gives it shape [3]; start "
            "with that shape",
        ),
        (
            Scanning(lambda x, s: (x.clone(), s.sum(dtype=torch.float64) + s)),
            "scan.sum_1 (sum): tensors of type float64 are not supported; keep float32 in the "
            "model",
        ),
    ],
)
def test_steps_that_cannot_be_compiled_are_named(model, message):
    x = torch.zeros(1, 4) if "[3]" in message or "[1]" in message else torch.zeros(3, 4)
    assert refusal(model, x) == message


def test_a_state_known_only_at_run_time_is_refused():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.scan = vollo_torch.nn.Scan(running_sum)

        def forward(self, x):
            return self.scan(x, x[0])

    assert refusal(Model(), torch.zeros(3, 4)) == (
        "scan (Scan): its initial state is computed at run time; give a parameter, a buffer or a "
        "constant such as torch.zeros"
    )


def test_unsupported_operations_of_a_step_join_the_message():
    assert refusal(Scanning(lambda x, s: (torch.erf(x), s.cumprod(0))), torch.zeros(3, 4)) == (
        "Unsupported operations encountered translating to Vollo NNIR:\n"
        "  unsupported function 'erf': found 1\n"
        "  unsupported method 'cumprod': found 1"
    )


def test_a_step_that_cannot_be_traced_is_named():
    with pytest.raises(ValueError, match=r"^the step of scan cannot be traced: control flow"):
        to_nnir(Scanning(lambda x, s: (x, s) if x.sum() > 0 else (s, x)), torch.zeros(3, 4))


def test_a_state_that_is_no_tensor_is_refused():
    with pytest.raises(ValueError) as error:
        to_nnir(Scanning(running_sum, state=0.0), torch.zeros(3, 4))
    assert str(error.value).endswith(
        "scan (Scan): its state is a tensor or a sequence of tensors, got float"
    )


class Cells(nn.Module):
    def __init__(self, forward, batch_size=None):
        super().__init__()
        self.cell = vollo_torch.nn.LSTMCell(4, 4, batch_size)
        self.memory = vollo_torch.nn.RecurrentStateLSTM(4, 4)
        self.first, self.second = (vollo_torch.nn.Scan(self.step) for _ in range(2))
        self.function = forward

    def step(self, x, h):
        h = self.cell(x, h)
        return h, h

    def forward(self, x):
        return self.function(self, x)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Cells(lambda m, x: m.memory(m.memory(x))),
            "memory_1 (RecurrentStateLSTM): it is called a second time, and would go on from the "
            "end of the first sequence, which is not known while streaming; use a second module",
        ),
        (
            Cells(lambda m, x: m.second(m.first(x, torch.zeros(4)), torch.zeros(4))),
            "second.step_cell (LSTMCell): its state would carry over from the whole of another "
            "scan, which is not known while streaming; use a module of its own here",
        ),
        (
            Cells(lambda m, x: m.cell(x, torch.zeros(3, 4)), batch_size=2),
            "cell (LSTMCell): batch_size=2 does not fit the hidden state of shape [3, 4]; give it "
            "the shape (batch_size, hidden_size)",
        ),
    ],
)
def test_states_of_modules_that_cannot_carry_over_are_named(model, message):
    assert refusal(model, torch.zeros(3, 4)) == message


def test_an_lstm_cell_on_a_whole_sequence_cannot_stream():
    model = Cells(lambda m, x: m.cell(x, torch.zeros(3, 4)))
    assert streaming_refusal(model, 0, torch.zeros(3, 4)) == (
        "streaming_transform: cell (LstmCell): its cell state goes from call to call, not along "
        "the streaming axis 0; call it in the step of a vollo_torch.nn.Scan"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: x[1:],
            "getitem (Slice): it looks ahead along the streaming axis 0: step i of its result is "
            "step i + 1 of what it slices; only shifts to later steps can stream, as "
            "torch.cat([zeros, x[:-1]]) is one",
        ),
        (
            lambda x: torch.cat([torch.zeros(1, 4), x])[2:],
            "getitem (Slice): it looks ahead along the streaming axis 0: step i of its result is "
            "step i + 1 of what it slices; only shifts to later steps can stream, as "
            "torch.cat([zeros, x[:-1]]) is one",
        ),
        (
            lambda x: torch.relu(x[:-1]),
            "the output relu (Clamp) holds 2 of 3 time steps; return as many as go in",
        ),
        (
            lambda x: torch.cat([torch.zeros(1, 4), x]).softmax(1)[:-1],
            "softmax (Softmax): x, which it reads, was made 4 time steps long where the sequence "
            "has 3; make it as long before computing with it, as torch.cat([zeros, x[:-1]]) does",
        ),
        (
            lambda x: (torch.cat([torch.full((1, 4), 0.3), x]) * 0.3)[:-1],
            "mul (Mul): x, which it reads, was made 4 time steps long where the sequence "
            "has 3; make it as long before computing with it, as torch.cat([zeros, x[:-1]]) does",
        ),
        (
            lambda x: torch.cat([torch.zeros(1, 4), x])[:-2] + x[:-1],
            "add (Add): x, which it reads, was made 2 time steps long where the sequence "
            "has 3; make it as long before computing with it, as torch.cat([zeros, x[:-1]]) does",
        ),
        (
            lambda x: x[:-1],
            "the output getitem (Slice) holds 2 of 3 time steps; return as many as go in",
        ),
        (
            lambda x: torch.cat([x, torch.zeros(1, 4)]),
            "the output cat (Concat) holds 4 of 3 time steps; return as many as go in",
        ),
        (
            lambda x: torch.cat([x[:-1], torch.zeros(1, 4)]),
            "cat (Concat): it joins others to a part of a sequence along the streaming axis 0; "
            "only one constant in front of one sequence can stream, as in "
            "torch.cat([zeros, x[:-1]])",
        ),
        (
            lambda x: torch.cat([x[:1], x[:-1]]),
            "cat (Concat): it joins two sequences along the streaming axis 0; only one constant in "
            "front of one sequence can stream, as in torch.cat([zeros, x[:-1]])",
        ),
        (
            lambda x: torch.cat([torch.zeros(1, 4), torch.ones(1, 4), x]),
            "cat (Concat): it joins different constants along the streaming axis 0; only one "
            "constant in front of one sequence can stream, as in torch.cat([zeros, x[:-1]])",
        ),
        (
            lambda x: x[::2],
            "getitem (Slice): it takes one of 2 values along the streaming axis 0 of [3, 4], and a "
            "streaming model sees one time step at a time; stream over another axis",
        ),
    ],
)
def test_what_is_no_shift_to_later_steps_is_named(function, message):
    assert streaming_refusal(Applied(function), 0, torch.zeros(3, 4)) == (
        "streaming_transform: " + message
    )
