"""Every operator in every form: near PyTorch, and the same bits wherever it runs."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import Config, NumberFormat

SHAPE = (3, 5, 37)
BOARDS = [Config.ip_core(2, 8), Config.ip_core(3, 16), Config.bittware_ia420f_c6b32()]


class Applied(nn.Module):
    """A function as a model, with the modules it calls."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("scale", torch.linspace(0.5, 1.5, 37))
        self.register_buffer("matrix", torch.zeros(37, 37))
        self.learned = nn.Parameter(torch.zeros(37, 37))
        self.register_buffer("order", torch.tensor([4, 0, 0, 2]))
        self.register_buffer("chosen", torch.arange(37) % 3 == 0)

    def forward(self, x):
        return self.function(self, x)


def _bf16(tensor):
    """Round, so that comparisons and steps are between the values that PyTorch has."""
    return tensor.bfloat16().float()


def _with_weights(module):
    """Give a module parameters and statistics that are not those of a new one."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.25 if "var" in name else -1.0, 2.0)
            tensor.data = _bf16(tensor.data)
    return module.eval()


REDUCTIONS = {
    "torch.sum over the data dimension": lambda m, x: torch.sum(x, -1, keepdim=True),
    "sum over another": lambda m, x: x.sum(1),
    "sum over the first, kept": lambda m, x: x.sum(dim=0, keepdim=True),
    "sum over two": lambda m, x: x.sum((0, 1)),
    "sum over two with the data dimension": lambda m, x: torch.sum(x, dim=(1, 2), keepdim=True),
    "sum over all": lambda m, x: x.sum(),
    "sum along the vectors without keepdim": lambda m, x: x.sum(-1) + 1,
    "torch.mean over the data dimension": lambda m, x: torch.mean(x, dim=-1, keepdim=True),
    "mean over another": lambda m, x: x.mean(0),
    "mean over all but one": lambda m, x: x.mean((0, 2), keepdim=True),
    "axis for dim": lambda m, x: x.mean(axis=1),
    "spread again": lambda m, x: x - x.mean(-1, keepdim=True),
    "sum of a constant": lambda m, x: x * m.scale.sum(-1, keepdim=True),
    "mean of a constant": lambda m, x: x * m.scale.mean(),
    "softmax along the vectors": lambda m, x: torch.softmax(x, -1),
    "softmax across vectors": lambda m, x: F.softmax(x * 3, dim=1),
    "softmax method": lambda m, x: x.softmax(0),
    "rms_norm": lambda m, x: F.rms_norm(x, (37,), m.scale, 1e-3),
    "rms_norm without weight": lambda m, x: F.rms_norm(x, (37,)),
    "layer_norm": lambda m, x: F.layer_norm(x, (37,), m.scale, m.scale - 1),
    "layer_norm without weight": lambda m, x: F.layer_norm(x, (5, 37), eps=1e-2),
}
FUNCTIONS = {
    "softplus": lambda m, x: F.softplus(x),
    "softplus steep": lambda m, x: F.softplus(x, beta=3.0, threshold=2),
    "gelu": lambda m, x: F.gelu(x),
    "gelu tanh": lambda m, x: F.gelu(x, approximate="tanh"),
    "log": lambda m, x: torch.log(x.abs() + 0.1),
    "log2": lambda m, x: (x.abs() + 0.1).log2(),
    "log10": lambda m, x: torch.log10(x.abs() + 0.1),
    "elu": lambda m, x: F.elu(x),
    "elu alpha": lambda m, x: F.elu(x, 0.7),
    "exp2": lambda m, x: torch.exp2(x),
    "leaky_relu": lambda m, x: F.leaky_relu(x),
    "leaky_relu growing": lambda m, x: F.leaky_relu(x, negative_slope=1.75),
    "hardswish": lambda m, x: F.hardswish(x * 2),
    "relu6": lambda m, x: F.relu6(x * 5),
    "hardtanh": lambda m, x: F.hardtanh(x, -0.5, 0.75),
    "max of two": lambda m, x: torch.max(x, 0.5 * x.abs()),
    "min of two": lambda m, x: x.min(m.scale),
    "where greater": lambda m, x: torch.where(x > 0.5, x, -x),
    "where less": lambda m, x: torch.where(x < m.scale, x, 0.0),
    "where between two BF16 values": lambda m, x: torch.where(x > 0.3007, x, -x),
    "where at least": lambda m, x: torch.where(x >= 0, x, torch.exp(x) - 1),
    "where at most": lambda m, x: torch.where(x.le(0.25), 2.0, x),
    "where by names": lambda m, x: torch.where(torch.greater(x, m.scale), input=x, other=m.scale),
    "where method": lambda m, x: x.where(x >= 0, m.scale),
    "where a constant mask": lambda m, x: torch.where(m.chosen, x, m.scale),
    "where a constant comparison": lambda m, x: torch.where(m.scale > 1, x, 0.5),
    "where a narrow mask": lambda m, x: torch.where(x[..., :1] > 0, x, x * 0.5),
}
SHAPES = {
    "index_select": lambda m, x: x.index_select(1, m.order),
    "index_select along the vectors": lambda m, x: torch.index_select(x, dim=2, index=m.order),
    "narrow": lambda m, x: x.narrow(2, 3, 20),
    "select": lambda m, x: torch.select(x, 1, -1),
    "chunk": lambda m, x: torch.chunk(x, 2, dim=1)[1] - 1,
    "split": lambda m, x: x.split([1, 3, 1], 1)[1],
    "split evenly": lambda m, x: torch.split(x, 2, dim=1)[2],
    "vstack": lambda m, x: torch.vstack((x[0], m.scale)),
    "row_stack": lambda m, x: torch.row_stack([x[0, 0], x[1, 2]]),
    "hstack": lambda m, x: torch.hstack([x, x[:, :2]]),
    "hstack of vectors": lambda m, x: torch.hstack((x[0, 0], x[1, 1])),
    "column_stack": lambda m, x: torch.column_stack((x[0].T, m.scale)),
    "dstack": lambda m, x: torch.dstack([x, x[..., :3]]),
    "dstack of matrices": lambda m, x: torch.dstack((x[0], x[1] * 2)),
    "concatenate": lambda m, x: torch.concatenate([x, -x], axis=1),
    "repeat": lambda m, x: x.repeat(2, 1, 3),
    "repeat with a new axis": lambda m, x: x[:, :1].repeat(2, 1, 4, 1),
    "repeat one lane": lambda m, x: x[..., 5:6].repeat(1, 1, 20),
    "expand_as": lambda m, x: x[:, :1].expand_as(x),
    "expand": lambda m, x: x[:, :1].expand(-1, 6, 37),
    "broadcast_to": lambda m, x: torch.broadcast_to(x[0], (4, 5, 37)),
    "broadcast_tensors": lambda m, x: torch.broadcast_tensors(x[:, :1], x)[0],
    "reshape_as": lambda m, x: (x * 2).reshape_as(x[..., None])[..., 0],
    "view_as": lambda m, x: x.reshape(15, 37).view_as(x),
    "unflatten": lambda m, x: x.reshape(15, 37).unflatten(0, (5, -1)),
    "flatten": lambda m, x: x.flatten(0, 1),
    "swapdims": lambda m, x: x.swapdims(0, 1),
    "swapaxes": lambda m, x: torch.swapaxes(x, axis0=0, axis1=2),
    "T": lambda m, x: x[0].T,
    "mT": lambda m, x: x.mT,
    "t": lambda m, x: x[0].t(),
    "permute": lambda m, x: torch.permute(x, (1, 2, 0)),
    "squeeze": lambda m, x: x[:, :1].squeeze(1).unsqueeze(0),
}
PRODUCTS = {
    "matmul with a matrix": lambda m, x: x @ m.matrix,
    "matmul of a matrix": lambda m, x: torch.matmul(m.matrix[:5, :5], x),
    "matmul with a vector": lambda m, x: x @ m.scale,
    "matmul of a vector": lambda m, x: m.scale[:5] @ x,
    "matmul of a vector and one": lambda m, x: m.scale.matmul(x[0, 0]),
    "matmul with a softmax of a constant": lambda m, x: x @ torch.softmax(m.learned, -1),
    "linear": lambda m, x: F.linear(x, m.matrix, m.scale),
}
POOLING = {
    "max_pool1d": lambda m, x: F.max_pool1d(x, 3),
    "max_pool1d overlapping": lambda m, x: F.max_pool1d(x, kernel_size=4, stride=1, dilation=2),
    "max_pool1d without batch": lambda m, x: torch.max_pool1d(x[0], 2),
    "avg_pool1d": lambda m, x: F.avg_pool1d(x, 3, 2),
}
MODULES = {
    "RMSNorm": nn.RMSNorm(37, eps=1e-4),
    "RMSNorm over two axes": nn.RMSNorm((5, 37)),
    "RMSNorm not affine": nn.RMSNorm(37, elementwise_affine=False),
    "vollo_torch RMSNorm": vollo_torch.nn.RMSNorm(37),
    "LayerNorm": nn.LayerNorm(37),
    "LayerNorm over two axes": nn.LayerNorm((5, 37)),
    "LayerNorm without bias": nn.LayerNorm(37, bias=False),
    "LayerNorm not affine": nn.LayerNorm(37, elementwise_affine=False),
    "BatchNorm1d": nn.BatchNorm1d(5),
    "BatchNorm1d not affine": nn.BatchNorm1d(5, affine=False),
    "BatchNorm2d": nn.Sequential(nn.Unflatten(2, (37, 1)), nn.BatchNorm2d(5)),
    "BatchNorm3d": nn.Sequential(nn.Unflatten(2, (37, 1, 1)), nn.BatchNorm3d(5)),
    "Softmax": nn.Softmax(dim=-1),
    "Softplus": nn.Softplus(),
    "Softplus steep": nn.Softplus(2.0, 1.0),
    "GELU": nn.GELU(),
    "GELU tanh": nn.GELU("tanh"),
    "ELU": nn.ELU(1.3),
    "LeakyReLU": nn.LeakyReLU(0.2),
    "Hardswish": nn.Hardswish(),
    "ReLU6": nn.ReLU6(),
    "Hardtanh": nn.Hardtanh(-0.25, 0.5),
    "MaxPool1d": nn.MaxPool1d(2, stride=3),
    "AvgPool1d": nn.AvgPool1d(4),
    "Flatten": nn.Flatten(0, 1),
    "Unflatten": nn.Unflatten(2, (37, 1)),
}
FORMS = {**REDUCTIONS, **FUNCTIONS, **SHAPES, **PRODUCTS, **POOLING}
CASES = {
    **{name: Applied(f) for name, f in FORMS.items()},
    **{name: nn.Sequential(module) for name, module in MODULES.items()},
}


def _input(name):
    torch.manual_seed(len(name))
    x = torch.randn(SHAPE)
    x[0, 0, 0] = 0.30078125
    return _bf16(x)


class Precise(nn.Module):
    """A model that computes in float32."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        with vollo_torch.Fp32Activations():
            return self.model(x)


def _nnir(name, precise=False):
    torch.manual_seed(5)
    model = _with_weights(CASES[name])
    model = Precise(model) if precise else model
    prepared, expected = vollo_torch.fx.prepare_shape(model, _input(name))
    precision = NumberFormat.FP32 if precise else NumberFormat.BF16
    nnir = vollo_torch.fx.nnir.to_nnir(prepared, outputs_precisions=precision)
    return nnir, expected.numpy()


def _assert_same_bits(got, want):
    np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


@pytest.mark.parametrize("name", CASES)
def test_an_operator_agrees_with_pytorch(name):
    nnir, expected = _nnir(name)
    program = nnir.to_program(BOARDS[-1])
    x = _input(name).numpy()
    scale = np.abs(expected).max()
    exact = program.to_vm(bit_accurate=False).run(x)
    np.testing.assert_allclose(exact / scale, expected / scale, rtol=0, atol=2e-6)
    np.testing.assert_allclose(program.to_vm().run(x) / scale, expected / scale, rtol=0, atol=0.02)


@pytest.mark.parametrize("name", [name for name in CASES if name not in PRODUCTS])
def test_an_operator_in_float32_rounds_nothing_to_bf16(name):
    nnir, expected = _nnir(name, precise=True)
    program = nnir.to_program(BOARDS[0])
    x = _input(name).numpy()
    output = program.to_vm().run(x)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(output / scale, expected / scale, rtol=0, atol=2e-6)
    _assert_same_bits(oracle.Oracle(program.save_bytes()).run([x])[0], output)


@pytest.mark.parametrize("name", CASES)
def test_every_board_and_the_oracle_give_the_same_bits(name):
    nnir, _ = _nnir(name)
    x = _input(name).numpy()
    programs = [nnir.to_program(board) for board in BOARDS]
    outputs = [program.to_vm().run(x) for program in programs]
    for output in outputs[1:]:
        _assert_same_bits(output, outputs[0])
    _assert_same_bits(oracle.Oracle(programs[1].save_bytes()).run([x])[0], outputs[0])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("name", CASES)
def test_an_operator_streams_or_says_why_not(name, axis):
    nnir, _ = _nnir(name)
    try:
        streamed, output_axis = nnir.streaming_transform(axis)
        program = streamed.to_program(BOARDS[1])
    except ValueError as refusal:
        text = str(refusal)
        assert text.startswith("streaming_transform: ") or "no data dimension fits" in text, text
        return
    x = _input(name).numpy()
    steps = program.to_vm().run_timesteps(x, axis, output_axis)
    _assert_same_bits(steps, nnir.to_program(BOARDS[1]).to_vm().run(x))
