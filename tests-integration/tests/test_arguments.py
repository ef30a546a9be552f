"""Arguments in all the forms in which PyTorch takes them."""

import numpy as np
import pytest
import torch
from torch import nn

import vollo_torch
from vollo_compiler import Config


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.stack([x, x * 2], axis=1),
        lambda x: torch.cat([x, x * 2], axis=1),
        lambda x: torch.swapaxes(x, axis0=0, axis1=1),
        lambda x: x.split([1, 3], 1)[1],
        lambda x: torch.split(x, [1, 3], dim=1)[0],
    ],
)
def test_a_function_takes_its_arguments_as_pytorch_does(function):
    x = torch.randn(4, 4)
    prepared, expected = vollo_torch.fx.prepare_shape(Applied(function), x)
    program = vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.ip_core(2, 8))
    got = program.to_vm(bit_accurate=False).run(x.numpy())
    np.testing.assert_array_equal(got, expected.numpy())
