"""How random models are drawn and checked; see ``random_models.py``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

import oracle
import vollo_torch
from random_models import MOST_OPERATORS, MOST_VALUES, Drawn, Figures, Step
from vollo_compiler import AllocationError, Config, NumberFormat

F = nn.functional
BOARDS: dict[str, Callable[[], Config]] = {
    "2 x 8": lambda: Config.ip_core(2, 8),
    "3 x 16": lambda: Config.ip_core(3, 16),
    "ia420f": Config.bittware_ia420f_c6b32,
    "ia840f": Config.bittware_ia840f_c3b64,
    "v80": Config.amd_v80_c6b32,
}
_EXTENTS = st.integers(1, 6)
_RARELY = st.integers(0, 3).map(lambda n: n == 0)


class RandomModel(nn.Module):
    """Steps one after another, and which results are the outputs."""

    def __init__(
        self, steps: list[Step], layers: nn.ModuleList, fp8: nn.ModuleList, outputs: list[int]
    ) -> None:
        super().__init__()
        self.steps = steps
        self.layers = layers
        self.fp8_layers = fp8
        self.outputs = outputs
        self.largest = 0.0

    def forward(self, *xs: torch.Tensor) -> Any:
        results = list(xs)
        for step in self.steps:
            results.append(applied(step, results))
        if not vollo_torch.fx.is_vollo_tracing.get():
            self.largest = max(float(result.abs().max()) for result in results)
        chosen = tuple(results[output] for output in self.outputs)
        return chosen if len(chosen) > 1 else chosen[0]

    def __repr__(self) -> str:
        steps = [
            f"{step.name}({step.source})"
            + ("f" if step.float32 else "")
            + (str(list(step.cores)) if step.cores else "")
            for step in self.steps
        ]
        return "; ".join(steps) + f" -> {self.outputs}"


def applied(step: Step, results: list[torch.Tensor]) -> torch.Tensor:
    """The result of a step within its contexts."""
    with ExitStack() as contexts:
        if step.float32:
            contexts.enter_context(vollo_torch.Fp32Activations())
        if step.cores:
            contexts.enter_context(vollo_torch.CorePartition(list(step.cores)))
        result: torch.Tensor = step.apply(results, results[step.source])
        return result


class _Draft:
    """What a step may use: the shapes so far, and where its layers go."""

    def __init__(self, draw: Any, shapes: list[tuple[int, ...]], fp8: bool) -> None:
        self.shapes = shapes
        self.layers, self.fp8_layers = nn.ModuleList(), nn.ModuleList()
        self.allows_fp8 = fp8
        self._draw = draw

    def draw_step(self) -> Step:
        draw = self._draw
        self.source = draw(st.integers(0, len(self.shapes) - 1))
        self.shape = shape = self.shapes[self.source]
        self.axis = draw(st.integers(0, len(shape) - 1))
        self.other = draw(st.integers(0, len(shape) - 1))
        self.small = draw(st.integers(1, 3))
        self.wide = draw(st.integers(1, 40))
        self.start = draw(st.integers(0, shape[self.axis] - 1))
        self.flag = draw(st.booleans())
        self.fp8 = self.allows_fp8 and draw(st.booleans())
        self.partner = draw(st.sampled_from(self._same_shape()))
        self.near = draw(st.sampled_from(self._broadcastable()))
        choices = {**self._values(), **self._moves(), **self._sums(), **self._layers()}
        name = draw(st.sampled_from(sorted(choices)))
        float32 = draw(st.integers(0, 4)) == 0
        cores = draw(st.lists(st.integers(0, 7), min_size=1, max_size=3, unique=True))
        chosen = tuple(cores) if draw(st.integers(0, 7)) == 0 else ()
        return Step(self.source, name, choices[name](), float32, chosen)

    def _same_shape(self) -> list[int]:
        return [i for i, shape in enumerate(self.shapes) if shape == self.shape]

    def _broadcastable(self) -> list[int]:
        fitting = []
        for index, shape in enumerate(self.shapes):
            try:
                torch.broadcast_shapes(shape, self.shape)
            except RuntimeError:
                continue
            fitting.append(index)
        return fitting

    def _values(self) -> dict[str, Any]:
        partner, near, flag = self.partner, self.near, self.flag
        narrow = (*(slice(None),) * self.axis, slice(1))
        scale = torch.linspace(0.5, 1.5, self.shape[-1])
        return {
            "relu": lambda: lambda r, x: torch.relu(x),
            "tanh": lambda: lambda r, x: torch.tanh(x),
            "sigmoid": lambda: lambda r, x: x.sigmoid(),
            "silu": lambda: lambda r, x: F.silu(x),
            "gelu": lambda: lambda r, x: F.gelu(x, approximate="tanh" if flag else "none"),
            "elu": lambda: lambda r, x: F.elu(x, 0.5 + flag / 2),
            "leaky_relu": lambda: lambda r, x: F.leaky_relu(x),
            "softplus": lambda: lambda r, x: F.softplus(x, 1 + flag),
            "log": lambda: lambda r, x: torch.log(x.abs() + 0.5),
            "exp": lambda: lambda r, x: torch.exp(-x.abs()),
            "rsqrt": lambda: lambda r, x: torch.rsqrt(x.abs() + 1),
            "divide": lambda: lambda r, x: x / (r[near].abs() + 1),
            "scalars": lambda: lambda r, x: 2.5 - x * 0.5,
            "scale": lambda: lambda r, x: x * scale,
            "clamp": lambda: lambda r, x: x.clamp(-0.4, 0.7),
            "add": lambda: lambda r, x: x + r[near],
            "multiply": lambda: lambda r, x: torch.tanh(x) * r[near],
            "maximum": lambda: lambda r, x: torch.maximum(x, r[partner]),
            "where": lambda: lambda r, x: torch.where(x > r[partner], x, r[partner]),
            "logic": lambda: lambda r, x: torch.where((x > 0) & (x <= 9), x, 0.0),
            "narrow mask": lambda: lambda r, x: torch.where(x[narrow] > 0.123, x, 2 * x),
        }

    def _sums(self) -> dict[str, Any]:
        axis, other, shape, small, flag = self.axis, self.other, self.shape, self.small, self.flag
        choices: dict[str, Any] = {
            "sum": lambda: lambda r, x: x.abs().sum(axis, keepdim=flag or len(shape) == 1),
            "mean": lambda: (
                lambda r, x: x.abs().mean((axis, other) if axis != other else axis, keepdim=True)
            ),
            "centre": lambda: lambda r, x: x - 0.5 * x.mean(axis, keepdim=True),
            "softmax": lambda: lambda r, x: x.softmax(axis),
            "cumsum": lambda: lambda r, x: x.cumsum(axis) * 0.25,
            "rms_norm": lambda: self._layer(nn.RMSNorm(shape[axis:], eps=0.1)),
            "layer_norm": lambda: self._layer(nn.LayerNorm(shape[axis:], eps=0.1)),
        }
        if len(shape) in (2, 3) and shape[-1] > small:
            choices["max_pool"] = lambda: lambda r, x: F.max_pool1d(x, small + 1, small)
            choices["avg_pool"] = lambda: lambda r, x: F.avg_pool1d(x, small + 1, small)
        if len(shape) in (2, 3):
            pool = F.max_pool1d if flag else F.avg_pool1d
            choices["pool of the past"] = lambda: (
                lambda r, x: pool(F.pad(x, (small, 0)), small + 1, 1)
            )
        return choices

    def _moves(self) -> dict[str, Any]:
        axis, other, shape, small, start = self.axis, self.other, self.shape, self.small, self.start
        before = (slice(None),) * axis
        last = len(shape) - 1 - axis
        pads = [0, 0] * last + [small, 0]
        choices: dict[str, Any] = {
            "repeat": lambda: (
                lambda r, x: x.repeat(*(small if i == axis else 1 for i in range(len(shape))))
            ),
            "index_select": lambda: (
                lambda r, x: x.index_select(axis, torch.tensor([start, 0, start]))
            ),
            "positions": lambda: lambda r, x: x[(*before, [start, 0, -1])],
            "transpose": lambda: lambda r, x: x.transpose(axis, other),
            "flatten": lambda: lambda r, x: x.flatten(min(axis, other), max(axis, other)),
            "unsqueeze": lambda: lambda r, x: x.unsqueeze(axis),
            "slice": lambda: lambda r, x: x[(*before, slice(start, None, small))],
            "cat": lambda: lambda r, x: torch.cat([x, x * 2], axis),
            "cat of two": lambda: lambda r, x: torch.cat([x, r[self_partner]], axis),
            "cat with constants": lambda: (
                lambda r, x: torch.cat([x.transpose(axis, -1), 0.3 * ends], -1)
            ),
            "padded": lambda: lambda r, x: F.pad(x, (start, small), value=0.1234567),
            "stack": lambda: lambda r, x: torch.stack([x] * small, axis),
            "chunk": lambda: lambda r, x: torch.chunk(x, 2, axis)[0],
            "roll": lambda: lambda r, x: torch.roll(x, start, axis),
            "delay": lambda: lambda r, x: F.pad(x, pads)[(*before, slice(shape[axis]))],
            "delay by cat": lambda: lambda r, x: _later(x, shape, axis, torch.clone),
            "computed and delayed": lambda: lambda r, x: _later(x, shape, axis, F.gelu),
            "padded and computed": lambda: (
                lambda r, x: torch.tanh(F.pad(x, pads) + 0.5)[(*before, slice(shape[axis]))]
            ),
            "in place": lambda: lambda r, x: (x * 0.5).add_(0.25).clamp_(-1, 1),
        }
        self_partner = self.partner
        moved = [*shape]
        moved[axis], moved[-1] = moved[-1], moved[axis]
        ends = torch.linspace(0.5, 1.5, small).expand(*moved[:-1], small)
        if len(shape) > 1:
            choices["select"] = lambda: lambda r, x: x.select(axis, start)
        if shape[-1] % small == 0:
            choices["unflatten"] = lambda: lambda r, x: x.unflatten(-1, (small, -1))
        return choices

    def _layers(self) -> dict[str, Any]:
        axis, shape, small, wide, flag = self.axis, self.shape, self.small, self.wide, self.flag
        choices: dict[str, Any] = {"linear": lambda: self._product(nn.Linear(shape[-1], wide))}
        products = [
            i
            for i, other in enumerate(self.shapes)
            if len(shape) > 1
            and len(other) > 1
            and other[-2] == shape[-1]
            and other[:-2] == shape[:-2]
        ]
        if products:
            choices["matmul"] = lambda: lambda r, x: (x * 0.25) @ r[products[-1]]
        if len(shape) in (2, 3):
            groups = {"groups": shape[-2]} if flag else {}
            channels = shape[-2] if flag else wide
            choices["conv"] = lambda: self._product(
                vollo_torch.nn.PaddedConv1d(shape[-2], channels, small, dilation=1 + flag, **groups)
            )
            choices["lstm"] = lambda: self._product(
                vollo_torch.nn.LSTM(shape[-1], 1 + wide // 4, batch_first=flag)
            )
            gru = nn.GRU(shape[-1], 1 + wide // 4, batch_first=flag)
            choices["gru"] = lambda: self._sequence(gru)
            choices["scan"] = lambda: self._scan(axis)
        return choices

    def _layer(self, module: nn.Module) -> Any:
        self.layers.append(module)
        return lambda r, x: module(x)

    def _product(self, module: nn.Module) -> Any:
        if not self.fp8:
            return self._layer(module)
        self.fp8_layers.append(module)

        def apply(_: Any, x: torch.Tensor) -> Any:
            with vollo_torch.Fp8Weights():
                return module(x)

        return apply

    def _sequence(self, module: nn.Module) -> Any:
        self.layers.append(module)
        return lambda r, x: module(x)[0]

    def _scan(self, axis: int) -> Any:
        scan = vollo_torch.nn.Scan(lambda x, s: (x - 0.5 * s, 0.5 * s + torch.tanh(x)))
        self.layers.append(scan)
        start = torch.full((*self.shape[:axis], *self.shape[axis + 1 :]), 0.5)
        return lambda r, x: scan(x, start, axis, axis)


def _later(x: Any, shape: tuple[int, ...], axis: int, function: Any) -> Any:
    """Zeros, and then what the function makes of all steps but the last."""
    if shape[axis] == 1:
        return x
    zeros = torch.zeros(*shape[:axis], 1, *shape[axis + 1 :])
    return torch.cat([zeros, function(x.narrow(axis, 0, shape[axis] - 1))], axis)


@st.composite
def drawn_models(draw: Any) -> Drawn:
    """Draw a model of 1 to 12 operations, the shapes of its inputs, and how to compile it."""
    length = draw(st.integers(1, 6))
    shapes, axes = [], []
    for _ in range(draw(st.integers(1, 3))):
        rest = [*draw(st.lists(_EXTENTS, max_size=1)), draw(st.sampled_from([3, 8, 19, 45]))]
        axis = draw(st.integers(0, len(rest)))
        shapes.append((*rest[:axis], length, *rest[axis:]))
        axes.append(axis)
    if draw(st.integers(0, 4)) == 0:
        shapes = shapes[:1] * len(shapes)
        axes = axes[:1] * len(axes)
    board, other_board = (draw(st.sampled_from(sorted(BOARDS))) for _ in range(2))
    seed = draw(st.integers(0, 1 << 16))
    torch.manual_seed(seed)
    results = [torch.randn(shape) for shape in shapes]
    draft = _Draft(draw, [tuple(result.shape) for result in results], fp8=board == "v80")
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, MOST_OPERATORS))):
        step = draft.draw_step()
        with torch.no_grad():
            result = applied(step, results)
        if result.numel() <= MOST_VALUES:
            steps.append(step)
            results.append(result)
            draft.shapes.append(tuple(result.shape))
    outputs = [len(results) - 1]
    outputs += draw(st.lists(st.integers(0, len(results) - 1), max_size=2))
    model = RandomModel(steps, draft.layers, draft.fp8_layers, outputs)
    dynamic = draw(st.booleans())
    ports = [draw(st.lists(_RARELY, min_size=n, max_size=n)) for n in (len(shapes), len(outputs))]
    return Drawn(model, shapes, board, other_board, dynamic, *ports, axes, seed)


def _formats(float32: list[bool]) -> list[NumberFormat]:
    return [NumberFormat.FP32 if port else NumberFormat.BF16 for port in float32]


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, tuple | list) else [values]


def check_model(drawn: Drawn, figures: Figures) -> None:
    """Check a model in every way; see random_models.check."""
    model, config = drawn.model, BOARDS[drawn.board]()
    options = {"allow_dynamic_weights": drawn.dynamic}
    torch.manual_seed(drawn.seed)
    xs = [torch.randn(shape) for shape in drawn.shapes]
    arrays = [x.numpy() for x in xs]
    prepared, _ = vollo_torch.fx.prepare_shape(model, *xs)
    nnir = vollo_torch.fx.nnir.to_nnir(
        prepared, _formats(drawn.float32_inputs), _formats(drawn.float32_outputs)
    )
    _round_weights(model.fp8_layers)
    with torch.no_grad():
        expected = _listed(model(*xs))
    names = [node.name for node in prepared.graph.nodes]
    figures.counts["models"] += 1
    figures.counts["operators"] += len(model.steps)

    def compiled(what: str, make: Callable[[], Any]) -> Any:
        try:
            made = make()
        except (ValueError, AllocationError) as refusal:
            text = str(refusal)
            place = any(f"{name} (" in text or f"{name}." in text for name in names)
            assert place or isinstance(refusal, AllocationError), f"names no node: {text}"
            assert "Exception" not in text, text
            figures.refused(what, text)
            return None
        figures.counts[f"{what} compiled"] += 1
        return made

    program = compiled("whole", lambda: nnir.to_program(config, **options))
    whole = None
    if program is not None:
        exact = _listed(program.to_vm(bit_accurate=False).run(arrays))
        _assert_near(exact, expected, model.largest)
        whole = _listed(program.to_vm().run(arrays))
        _assert_same_bits(oracle.Oracle(program.save_bytes()).run(arrays), whole)
        _check_other_board(drawn, lambda c: nnir.to_program(c, **options), arrays, whole, figures)

    def streaming() -> Any:
        streamed, output_axes = nnir.streaming_transform(drawn.axes)
        return streamed.to_program(config, **options), output_axes

    made = compiled("streaming", streaming)
    if made is None:
        figures.counts["both refused"] += program is None
        return
    _check_streamed(*made, drawn.axes, arrays, expected, whole, model.largest)


def _check_other_board(
    drawn: Drawn,
    make: Callable[[Config], Any],
    arrays: list[Any],
    whole: list[Any],
    figures: Figures,
) -> None:
    """A board with other blocks gives the same bits, if the model is for it."""
    try:
        program = make(BOARDS[drawn.other_board]())
    except (ValueError, AllocationError):
        return
    figures.counts["other board compiled"] += 1
    _assert_same_bits(_listed(program.to_vm().run(arrays)), whole)


def _check_streamed(
    program: Any,
    output_axes: Any,
    axes: list[int],
    arrays: list[Any],
    expected: list[Any],
    whole: list[Any] | None,
    largest: float,
) -> None:
    exact = _listed(program.to_vm(bit_accurate=False).run_timesteps(arrays, axes, output_axes))
    _assert_near(exact, expected, largest)
    steps = _listed(program.to_vm().run_timesteps(arrays, axes, output_axes))
    if whole is not None:
        _assert_same_bits(steps, whole)
        return
    reference = oracle.Oracle(program.save_bytes())
    length = arrays[0].shape[axes[0]]
    outputs = [
        reference.run([a.take(t, axis) for a, axis in zip(arrays, axes, strict=True)])
        for t in range(length)
    ]
    stacked = [
        np.stack(column, axis)
        for column, axis in zip(zip(*outputs, strict=True), _listed(output_axes), strict=True)
    ]
    _assert_same_bits(steps, stacked)


def _round_weights(layers: nn.ModuleList) -> None:
    with torch.no_grad():
        for name, parameter in layers.named_parameters():
            if "weight" in name:
                parameter.copy_(parameter.to(torch.float8_e4m3fn).float())


def _assert_near(got: list[Any], want: list[Any], largest: float) -> None:
    for a, b in zip(got, want, strict=True):
        assert a.shape == tuple(b.shape)
        scale = max(float(b.abs().max()), 0.05 * largest, 1e-30)
        np.testing.assert_allclose(a / scale, b.numpy() / scale, rtol=0, atol=1e-5)


def _assert_same_bits(got: list[Any], want: list[Any]) -> None:
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))
