"""Operations in place change what their operand means from then on, as in PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import vollo_torch
from operators import Applied
from vollo_compiler import Config


class Residual(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.activation = activation

    def forward(self, x):
        y = self.fc(x)
        return self.activation(y) + y


@pytest.mark.parametrize(
    "activation",
    [
        nn.ReLU(inplace=True),
        nn.Sequential(nn.Identity(), nn.ReLU(inplace=False)),
        nn.Hardtanh(-0.1, 0.2, inplace=True),
        torch.relu_,
        lambda y: functional.relu(y, True),
        lambda y: functional.silu(y, inplace=True),
        nn.ELU(0.5, inplace=True),
        nn.Hardswish(inplace=True),
        lambda y: functional.leaky_relu(y, 0.1, True),
        lambda y: y.add_(0.5).mul_(2),
        lambda y: y.sub_(y.detach() * 0.5, alpha=3),
        lambda y: y.masked_fill_(y > 0.2, -1).clamp_(-0.5, 0.5),
        lambda y: torch.tanh_(torch.neg_(y)),
    ],
)
def test_the_operand_has_its_changed_values_afterwards(activation):
    torch.manual_seed(3)
    x = torch.randn(5, 4)
    prepared, expected = vollo_torch.fx.prepare_shape(Residual(activation), x)
    program = vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.ip_core(2, 8))
    got = program.to_vm(bit_accurate=False).run(x.numpy())
    np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-5, atol=1e-6)


class ChangedUnderView(nn.Module):
    def forward(self, x):
        y = x * 2
        part = y[:, :2]
        torch.relu_(y)
        return part


def test_a_view_of_what_was_changed_is_refused():
    prepared, _ = vollo_torch.fx.prepare_shape(ChangedUnderView(), torch.randn(3, 4))
    with pytest.raises(ValueError) as error:
        vollo_torch.fx.nnir.to_nnir(prepared)
    assert str(error.value) == (
        "output: getitem, which it reads, shares its values with what relu_ changed in place; "
        "use the operation that is not in place"
    )


def _sum_of_steps(x):
    total = torch.zeros(4)
    for i in range(3):
        total += x[i]
    return total


def _changed_and_read_by_its_first_name(x):
    ones = torch.ones(3, 4)
    product = ones.mul_(x).add_(1)
    return product * 2 + x * ones


@pytest.mark.parametrize(
    "function",
    [
        _sum_of_steps,
        _changed_and_read_by_its_first_name,
        lambda x: torch.ones(3, 4).sub_(x),
    ],
)
def test_tensors_that_forward_makes_may_be_changed(function):
    x = torch.randn(3, 4)
    prepared, output = vollo_torch.fx.prepare_shape(Applied(lambda _, x: function(x)), x)
    torch.testing.assert_close(output, function(x), rtol=0, atol=0)
    program = vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.ip_core(2, 8))
    for given in (x, x * 2):
        got = program.to_vm(bit_accurate=False).run(given.numpy())
        np.testing.assert_allclose(got, function(given).numpy(), rtol=1e-5, atol=1e-6)


def test_a_change_that_the_trace_cannot_follow_is_refused():
    def changed_for_its_effect(x):
        ones = torch.ones(4)
        ones.mul_(x)
        return ones

    with pytest.raises(ValueError) as error:
        vollo_torch.fx.prepare_shape(
            Applied(lambda _, x: changed_for_its_effect(x)), torch.zeros(4)
        )
    assert str(error.value) == (
        "mul_: it changes in place a tensor that is not traced; go on with its result, as in "
        "y = y.add_(x)"
    )


class Accumulating(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", torch.zeros(4))

    def forward(self, x):
        return self.total.add_(x)


def test_a_buffer_that_the_input_changes_is_refused():
    prepared, _ = vollo_torch.fx.prepare_shape(Accumulating(), torch.ones(4))
    with pytest.raises(ValueError) as error:
        vollo_torch.fx.nnir.to_nnir(prepared)
    assert str(error.value) == (
        "add_: it changes total in place, which would last until the next call; keep states in a "
        "vollo_torch.nn.Scan, or use the operation that is not in place"
    )


def test_the_example_inputs_stay_as_they_are():
    x = torch.tensor([1.0, -1.0])
    _, output = vollo_torch.fx.prepare_shape(nn.Sequential(nn.ReLU(inplace=True)), x)
    assert output.tolist() == [1.0, 0.0]
    assert x.tolist() == [1.0, -1.0]
