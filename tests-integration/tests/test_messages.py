"""What a user reads: printed models and refusals."""

import pytest
import torch
from torch import nn

import vollo_torch


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


def test_a_scaled_operand_is_refused_in_either_order():
    for function in (torch.sub, torch.rsub):
        model = Applied(lambda x, function=function: function(x, 2.0, alpha=3))
        assert refusal(model, torch.zeros(3)).endswith(
            "alpha is not supported; multiply the operand by it"
        )


def test_a_weight_without_two_axes_is_refused():
    weight = torch.zeros(6)
    model = Applied(lambda x: nn.functional.linear(x, weight))
    assert refusal(model, torch.zeros(4, 6)) == (
        "linear (linear): its weight has shape [6]; give one of two axes, (out, in)"
    )
