"""Operators of several steps, written out in numpy as docs/numerics.md defines them."""

import numpy as np
import pytest
import torch
from streaming_checks import Sequence, streamed, to_nnir
from torch import nn

import oracle
from vollo_compiler import Config


def _sum(weight, x, start):
    """Section 2: in ascending order, each product added by fma."""
    total = start
    for k in range(len(x)):
        total = oracle.fma(oracle.to_bf16(weight[:, k]), oracle.to_bf16(x)[k], total)
    return total


def _gru_step(layer, x, h):
    """Section 7."""
    w, v, b, c = (
        getattr(layer, f"{name}_l0").detach().numpy().reshape(3, layer.hidden_size, -1)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    b, c = b[..., 0], c[..., 0]
    r, z = (
        oracle.sigmoid(_sum(w[gate], x, _sum(v[gate], h, b[gate] + c[gate]))) for gate in (0, 1)
    )
    n = oracle.tanh(oracle.fma(r, _sum(v[2], h, c[2]), _sum(w[2], x, b[2])))
    return oracle.fma(z, h - n, n)


def test_a_gru_is_what_the_document_says():
    torch.manual_seed(4)
    model = Sequence(nn.GRU(11, 13))
    x = torch.randn(5, 11).bfloat16().float()
    nnir, _ = to_nnir(model, x)
    board = Config.ip_core(3, 8)
    program, axis = streamed(model, 0, x, board=board)
    h = np.zeros(13, np.float32)
    outputs = []
    for step in x.numpy():
        h = _gru_step(model.layer, step, h).astype(np.float32)
        outputs.append(oracle.to_bf16(h))
    for got in (
        nnir.to_program(board).to_vm().run(x.numpy()),
        program.to_vm().run_timesteps(x.numpy(), 0, axis),
    ):
        np.testing.assert_array_equal(got.view(np.uint32), np.stack(outputs).view(np.uint32))


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_cumulative_sum_rounds_each_sum_on_its_own(scale):
    class CumSum(nn.Module):
        def forward(self, x):
            return x.cumsum(0)

    torch.manual_seed(6)
    x = (torch.randn(40, 9) * scale).bfloat16().float()
    total, sums = np.zeros(9, np.float32), []
    for step in x.numpy():
        total = total + step
        sums.append(oracle.to_bf16(total))
    got = to_nnir(CumSum(), x)[0].to_program(Config.ip_core(2, 8)).to_vm().run(x.numpy())
    np.testing.assert_array_equal(got.view(np.uint32), np.stack(sums).view(np.uint32))
    program, axis = streamed(CumSum(), 0, x)
    steps = program.to_vm().run_timesteps(x.numpy(), 0, axis)
    np.testing.assert_array_equal(steps, got)


def test_logic_of_comparisons_is_pytorch_s_on_special_values():
    class Logic(nn.Module):
        def forward(self, x, y):
            masks = [x == y, x != y, (x > y) & (y < 1), (x > y) | (x <= 0), (x > 0) ^ (y > 0)]
            masks += [~(x >= y), torch.logical_not(x == x)]
            return tuple(torch.where(mask, 1.0, 0.0) for mask in masks)

    special = torch.tensor([0.0, -0.0, 1.0, -2.0, torch.inf, -torch.inf, torch.nan])
    x, y = (grid.flatten() for grid in torch.meshgrid(special, special, indexing="ij"))
    nnir, expected = to_nnir(Logic(), x, y)
    outputs = nnir.to_program(Config.ip_core(2, 8)).to_vm().run([x.numpy(), y.numpy()])
    for got, want in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(got, want.numpy())


def test_a_cumulative_sum_of_a_layer_is_the_same_streamed():
    class Layered(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(9, 9)

        def forward(self, x):
            return self.fc(x).cumsum(0)

    torch.manual_seed(7)
    x = torch.randn(30, 9)
    nnir, _ = to_nnir(Layered(), x)
    board = Config.ip_core(2, 8)
    whole = nnir.to_program(board).to_vm().run(x.numpy())
    steps, axis = nnir.streaming_transform(0)
    got = steps.to_program(board).to_vm().run_timesteps(x.numpy(), 0, axis)
    np.testing.assert_array_equal(got.view(np.uint32), whole.view(np.uint32))


@pytest.mark.parametrize("depthwise_first", [True, False])
def test_a_layer_goes_on_from_a_depthwise_convolution_and_not_the_other_way(depthwise_first):
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Conv1d(9, 9, 1)
            self.depthwise = nn.Conv1d(9, 9, 1, groups=9)

        def forward(self, x):
            a, b = self.dense(x), self.depthwise(x)
            return b + a if depthwise_first else a + b

    torch.manual_seed(7)
    model, x = Both(), torch.randn(9, 1).bfloat16().float()
    weight, scale = (layer.weight.detach().numpy() for layer in (model.dense, model.depthwise))
    alone = oracle.fma(
        oracle.to_bf16(scale[:, 0, 0]), x[:, 0].numpy(), model.depthwise.bias.detach().numpy()
    )
    start = oracle.to_bf16(alone) + model.dense.bias.detach().numpy()
    want = oracle.to_bf16(_sum(weight[..., 0], x[:, 0].numpy(), start))
    got = to_nnir(model, x)[0].to_program(Config.ip_core(2, 8)).to_vm().run(x.numpy())
    np.testing.assert_array_equal(got[:, 0].view(np.uint32), want.view(np.uint32))
