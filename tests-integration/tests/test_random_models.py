"""Random models: right numbers, the same bits whole and streamed, or a documented refusal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from fp8_layers import round_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import AllocationError, Config

MODELS = 300
MOST_VALUES = 3000


@dataclass
class Step:
    """One operation on an earlier result."""

    source: int
    name: str
    apply: Callable[[list[torch.Tensor], torch.Tensor], torch.Tensor]


class RandomModel(nn.Module):
    """Steps one after another; the last result is the output, with another one or not."""

    def __init__(self, steps, modules, fp8_modules, second_output):
        super().__init__()
        self.steps = steps
        self.layers = modules
        self.fp8_layers = fp8_modules
        self.second_output = second_output

    def forward(self, x):
        results = [x]
        for step in self.steps:
            results.append(step.apply(results, results[step.source]))
        if self.second_output is None:
            return results[-1]
        return results[-1], results[self.second_output]

    def __repr__(self):
        return "; ".join(f"{step.name}({step.source})" for step in self.steps)


def _layer(modules, module):
    modules.append(module)
    return lambda _, x: module(x)


def _in_fp8(modules, module):
    modules.append(module)

    def apply(_, x):
        with vollo_torch.Fp8Weights():
            return module(x)

    return apply


def _draw_step(draw, shapes, modules, fp8_modules):
    """Draw an operation that PyTorch can do on one of the results so far."""
    source = draw(st.integers(0, len(shapes) - 1))
    shape = shapes[source]
    axis = draw(st.integers(0, len(shape) - 1))
    other = draw(st.integers(0, len(shape) - 1))
    small = draw(st.integers(1, 3))
    wide = draw(st.integers(1, 70))
    start = draw(st.integers(0, shape[axis] - 1))
    flag = draw(st.booleans())
    fp8 = draw(st.booleans())
    same_shape = [i for i, candidate in enumerate(shapes) if candidate == shape]
    partner = draw(st.sampled_from(same_shape))
    before = (slice(None),) * axis

    def product(module):
        return _in_fp8(fp8_modules, module) if fp8 else _layer(modules, module)

    choices = {
        "relu": lambda: lambda _, x: torch.relu(x),
        "tanh": lambda: lambda _, x: torch.tanh(x),
        "sigmoid": lambda: lambda _, x: torch.sigmoid(x),
        "scalars": lambda: lambda _, x: 2.5 - x * 0.5,
        "clamp": lambda: lambda _, x: x.clamp(-0.4, 0.7),
        "add": lambda: lambda results, x: x + results[partner],
        "maximum": lambda: lambda results, x: torch.maximum(x, results[partner]),
        "gelu": lambda: lambda _, x: nn.functional.gelu(x),
        "elu": lambda: lambda _, x: nn.functional.elu(x, 0.5 + flag / 2),
        "softplus": lambda: lambda _, x: nn.functional.softplus(x, 1 + flag),
        "log": lambda: lambda _, x: torch.log(x.abs() + 0.5),
        "where": lambda: lambda results, x: torch.where(x > results[partner], x, results[partner]),
        "narrow mask": lambda: lambda _, x: torch.where(x[(*before, slice(1))] > 0, x, 2 * x),
        "sum": lambda: lambda _, x: x.abs().sum(axis, keepdim=flag or len(shape) == 1),
        "mean": lambda: (
            lambda _, x: x.abs().mean((axis, other) if axis != other else axis, keepdim=True)
        ),
        "centre": lambda: lambda _, x: x - 0.5 * x.mean(axis, keepdim=True),
        "softmax": lambda: lambda _, x: x.softmax(axis),
        "rms_norm": lambda: _layer(modules, nn.RMSNorm(shape[axis:], eps=0.1)),
        "layer_norm": lambda: _layer(modules, nn.LayerNorm(shape[axis:], eps=0.1)),
        "repeat": lambda: (
            lambda _, x: x.repeat(*(small if i == axis else 1 for i in range(len(shape))))
        ),
        "index_select": lambda: lambda _, x: x.index_select(axis, torch.tensor([start, 0, start])),
        "linear": lambda: product(nn.Linear(shape[-1], wide)),
        "transpose": lambda: lambda _, x: x.transpose(axis, other),
        "flatten": lambda: lambda _, x: x.flatten(min(axis, other), max(axis, other)),
        "unsqueeze": lambda: lambda _, x: x.unsqueeze(axis),
        "slice": lambda: lambda _, x: x[(*before, slice(start, None, small))],
        "select": lambda: lambda _, x: x.select(axis, start),
        "cat": lambda: lambda _, x: torch.cat([x, x * 2], axis),
        "stack": lambda: lambda _, x: torch.stack([x] * small, axis),
        "chunk": lambda: lambda _, x: torch.chunk(x, 2, axis)[0],
    }
    if shape[-1] % small == 0:
        choices["unflatten"] = lambda: lambda _, x: x.unflatten(-1, (small, -1))
    if len(shape) in (2, 3):
        if shape[-1] > small:
            choices["max_pool"] = lambda: lambda _, x: nn.functional.max_pool1d(x, small + 1, small)
            choices["avg_pool"] = lambda: lambda _, x: nn.functional.avg_pool1d(x, small + 1, small)
        groups = {"groups": shape[-2]} if flag else {}
        channels = shape[-2] if flag else wide
        choices["conv"] = lambda: product(
            vollo_torch.nn.PaddedConv1d(shape[-2], channels, small, dilation=1 + flag, **groups)
        )
        choices["lstm"] = lambda: product(
            vollo_torch.nn.LSTM(shape[-1], 1 + wide // 2, batch_first=flag)
        )
    if len(shape) == 1:
        del choices["select"]
    name = draw(st.sampled_from(sorted(choices)))
    return Step(source, name, choices[name]())


@st.composite
def models(draw):
    """Draw a model of 1 to 8 operations and the shape of its input."""
    shape = tuple(draw(st.permutations([*draw(st.lists(st.integers(1, 6), max_size=2)), 45])))
    torch.manual_seed(draw(st.integers(0, 1 << 16)))
    steps, results = [], [torch.zeros(shape)]
    modules, fp8_modules = nn.ModuleList(), nn.ModuleList()
    for _ in range(draw(st.integers(1, 8))):
        step = _draw_step(draw, [tuple(result.shape) for result in results], modules, fp8_modules)
        with torch.no_grad():
            result = step.apply(results, results[step.source])
        if result.numel() <= MOST_VALUES:
            steps.append(step)
            results.append(result)
    second = draw(st.none() | st.integers(0, len(steps)))
    return RandomModel(steps, modules, fp8_modules, second), shape


def _listed(values):
    return list(values) if isinstance(values, tuple) else [values]


@given(models(), st.sampled_from(["bittware_ia420f_c6b32", "bittware_ia840f_c3b64"]))
@settings(
    max_examples=MODELS,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_random_models(drawn, preset):
    model, shape = drawn
    config = Config.amd_v80_c6b32() if len(model.fp8_layers) else getattr(Config, preset)()
    x = torch.randn(shape)
    prepared, expected = vollo_torch.fx.prepare_shape(model, x)
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    if len(model.fp8_layers):
        round_weights(model.fp8_layers)
        with torch.no_grad():
            expected = model(x)
    try:
        program = nnir.to_program(config)
    except (ValueError, AllocationError) as refusal:
        assert "no data dimension fits" in str(refusal), refusal
        return
    exact = _listed(program.to_vm(bit_accurate=False).run(x.numpy()))
    for got, want in zip(exact, _listed(expected), strict=True):
        scale = np.abs(want.numpy()).max(initial=1e-30)
        np.testing.assert_allclose(got / scale, want.numpy() / scale, rtol=0, atol=1e-5)
    whole = _listed(program.to_vm().run(x.numpy()))
    reference = oracle.Oracle(program.save_bytes()).run([x.numpy()])
    for got, want in zip(whole, reference, strict=True):
        np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))
    for axis in range(len(shape)):
        _check_streamed(nnir, config, x.numpy(), axis, whole)


def _check_streamed(nnir, config, x, axis, whole):
    try:
        streamed, output_axis = nnir.streaming_transform(axis)
        program = streamed.to_program(config)
    except ValueError as refusal:
        text = str(refusal)
        assert text.startswith("streaming_transform: ") or "no data dimension fits" in text, text
        return
    outputs = _listed(program.to_vm().run_timesteps(x, axis, output_axis))
    for got, want in zip(outputs, whole, strict=True):
        np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))
