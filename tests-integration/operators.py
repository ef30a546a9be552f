"""The operator table: every operator that a model may use, in every form, with a model for each.

``tests/test_operators.py`` runs all of it, and ``support_table.py`` writes the README's table from
it. An operator that the compiler knows and this table does not fails the tests.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import vollo_torch

SHAPE = (3, 5, 19)
WIDTH = SHAPE[-1]

Apply = Callable[[Any, Any], Any]
"""Takes the model, for its constants and layers, and its input."""


class Applied(nn.Module):
    """A function as a model, with the constants and layers that it uses."""

    def __init__(self, function: Apply) -> None:
        super().__init__()
        self.function = function
        self.register_buffer("scale", torch.linspace(0.5, 1.5, WIDTH))
        self.register_buffer("matrix", torch.zeros(WIDTH, WIDTH))
        self.register_buffer("matrices", torch.zeros(3, 7, 5))
        self.register_buffer("order", torch.tensor([4, 0, 0, 2]))
        self.register_buffer("chosen", torch.arange(WIDTH) % 3 == 0)
        self.learned = nn.Parameter(torch.zeros(WIDTH, WIDTH))
        self.fc = nn.Linear(WIDTH, 7)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> Any:
        """Apply the function."""
        return self.function(self, x)


@dataclass(frozen=True, eq=False)
class Case:
    """One form of an operator."""

    group: str
    member: str
    form: str
    make: Callable[[], nn.Module]
    float32: bool | None
    shape: tuple[int, ...]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """A name for it, unique in the table."""
        return f"{self.group}: {self.member}, {self.form}"


@dataclass
class Group:
    """Operators that are shown together."""

    name: str
    float32: bool | None
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    exceptions: set[str] = field(default_factory=set)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, member: str, *, but: bool = False, **forms: Any) -> None:
        """Add a member; ``but`` for one that differs from the group in having float32."""
        shape = forms.pop("shape", SHAPE)
        options = forms.pop("options", {})
        known = self.members.setdefault(member, {})
        for form, model in forms.items():
            assert form not in known, (member, form)
            known[form] = model
            self.options[f"{member}, {form}"] = {
                "shape": shape,
                "options": options,
            }
        if but:
            self.exceptions.add(member)

    def has_float32(self, member: str) -> bool | None:
        """Whether an operator computes in float32 within Fp32Activations."""
        return not self.float32 if member in self.exceptions else self.float32

    def cases(self) -> Iterator[Case]:
        """All forms of all members."""
        for member, forms in self.members.items():
            for form, model in forms.items():
                make = _maker(model)
                options = self.options[f"{member}, {form}"]
                has_float32 = self.has_float32(member)
                yield Case(self.name, member, form, make, float32=has_float32, **options)


def _maker(model: Any) -> Callable[[], nn.Module]:
    if isinstance(model, nn.Module):
        return lambda: nn.Sequential(model)
    return lambda: Applied(model)


def _both(name: str, *arguments: Any) -> dict[str, Apply]:
    """A function of torch and the method of the same name, on the same arguments."""

    def given(model: Any, x: Any) -> list[Any]:
        return [a(model, x) if callable(a) else a for a in arguments]

    return {
        "function": lambda m, x: getattr(torch, name)(x, *given(m, x)),
        "method": lambda m, x: getattr(x, name)(*given(m, x)),
    }


def _in_place(function: Callable[[Any, Any], Any]) -> Apply:
    """An operator such as ``+=``, as graphs of other tracers have it."""
    return lambda m, x: x.tracer.create_proxy("call_function", function, (x * 1, m.scale), {})


def _method_in_place(name: str, *arguments: Any) -> dict[str, Apply]:
    """A method that ends with ``_``, the function of the same name, and what they changed."""
    function = getattr(torch, f"{name}_", lambda y, *_: y)

    def apply(model: Any, x: Any) -> Any:
        y = x.abs() + 0.125
        given = [a(model, x) if callable(a) else a for a in arguments]
        getattr(y, f"{name}_")(*given)
        function(y, *given)
        return y

    return {f"in place {name}_": apply}


def _scale(model: Any, _: Any) -> Any:
    return model.scale


def _positive(name: str) -> dict[str, Apply]:
    return {
        "function": lambda m, x: getattr(torch, name)(x.abs() + 0.125),
        "method": lambda m, x: getattr(x.abs() + 0.125, name)(),
    }


def _aliases(group: Group, names: str, *arguments: Any, **more: Any) -> None:
    first, *others = names.split()
    group.add(first, **_both(first, *arguments), **more)
    for name in others:
        forms = {f"{form} {name}": apply for form, apply in _both(name, *arguments).items()}
        group.add(first, **forms)


def _arithmetic() -> Group:
    g = Group("arithmetic", float32=True)
    signs = {"+": ("add", operator.add), "-": ("sub", operator.sub), "*": ("mul", operator.mul)}
    for sign, (name, apply) in signs.items():
        g.add(
            sign,
            operator=lambda m, x, apply=apply: apply(x, m.scale),
            number=lambda m, x, apply=apply: apply(x, 1.5),
            reversed=lambda m, x, apply=apply: apply(0.75, x),
            twice=lambda m, x, apply=apply: apply(x, x.neg()),
            broadcast=lambda m, x, apply=apply: apply(x, x[:1]),
            **_both(name, _scale),
        )
        g.add(sign, **_method_in_place(name, _scale))
    g.add("+", **{"in place": _in_place(operator.iadd)})
    g.add("-", **{"in place": _in_place(operator.isub)})
    g.add("+", alpha=lambda m, x: torch.add(x, m.scale, alpha=-0.75))
    g.add("-", alpha=lambda m, x: torch.rsub(x, m.scale, alpha=2) + (x * 2).sub(x, alpha=3))
    g.add("-", **{"reversed function": lambda m, x: torch.rsub(x, m.scale)})
    g.add("-", **{f"{f} subtract": a for f, a in _both("subtract", _scale).items()})
    g.add("*", **{"in place": _in_place(operator.imul)})
    g.add("*", **{f"{f} multiply": a for f, a in _both("multiply", _scale).items()})
    g.add(
        "/",
        but=True,
        operator=lambda m, x: x / m.scale,
        number=lambda m, x: x / 3,
        reversed=lambda m, x: 2.0 / (x.abs() + 0.25),
        **{"in place": _in_place(operator.itruediv)},
        **_both("div", _scale),
    )
    for name in ("divide", "true_divide"):
        g.add("/", **{f"{f} {name}": a for f, a in _both(name, _scale).items()})
    g.add("/", **_method_in_place("div", _scale))
    g.add("neg", operator=lambda m, x: -x, **_method_in_place("neg"))
    _aliases(g, "neg negative")
    _aliases(g, "abs absolute")
    g.add("abs", operator=lambda m, x: abs(x), **_method_in_place("abs"))
    for name, pair in (("maximum", "max"), ("minimum", "min")):
        g.add(name, **_both(name, _scale))
        g.add(f"{pair} of two", **_both(pair, _scale))
    return g


def _comparison() -> Group:
    g = Group("comparison, as a condition", float32=True)
    names = {">": "gt greater", "<": "lt less", ">=": "ge greater_equal", "<=": "le less_equal"}
    names |= {"==": "eq", "!=": "ne not_equal"}
    for sign, aliases in names.items():
        apply = getattr(operator, aliases.split()[0])
        g.add(sign, operator=lambda m, x, apply=apply: torch.where(apply(x, 0.3007), x, -x))
        for name in aliases.split():
            for form, compare in _both(name, lambda m, x: x[:1]).items():
                g.add(
                    sign,
                    **{f"{form} {name}": lambda m, x, c=compare: torch.where(c(m, x), x, m.scale)},
                )
    return g


def _logic() -> Group:
    g = Group("logic of comparisons", float32=True)
    signs = {
        "&": ("and", operator.and_),
        "|": ("or", operator.or_),
        "^": ("xor", operator.xor),
    }
    for sign, (name, apply) in signs.items():
        g.add(
            sign,
            operator=lambda m, x, a=apply: torch.where(a(x > 0, x < m.scale), x, 0.5),
            constant=lambda m, x, a=apply: torch.where(a(x > 0.5, m.chosen), x, -x),
        )
        for prefix in ("logical", "bitwise"):
            pairs = _both(f"{prefix}_{name}", lambda m, x: m.chosen)
            for form, both in pairs.items():
                g.add(
                    sign,
                    **{f"{form} {prefix}": lambda m, x, b=both: torch.where(b(m, x > -0.5), x, 2)},
                )
    g.add("~", operator=lambda m, x: torch.where(~(x > 0), x, 0.5))
    for prefix in ("logical", "bitwise"):
        for form, both in _both(f"{prefix}_not").items():
            g.add(
                "~",
                **{f"{form} {prefix}": lambda m, x, b=both: torch.where(b(m, x > -0.5), x, 2)},
            )
    return g


def _choice() -> Group:
    g = Group("choice", float32=True)
    g.add(
        "where",
        function=lambda m, x: torch.where(x > 0.5, x, -x),
        method=lambda m, x: x.where(x >= 0, m.scale),
        names=lambda m, x: torch.where(x > m.scale, input=x, other=m.scale),
        numbers=lambda m, x: torch.where(x.le(0.25), 2.0, x),
        constant=lambda m, x: torch.where(m.chosen, x, m.scale),
        comparison_of_constants=lambda m, x: torch.where(m.scale > 1, x, 0.5),
        narrow=lambda m, x: torch.where(x[..., :1] > 0, x, x * 0.5),
        moved=lambda m, x: torch.where((x > 0)[:, :1].expand(-1, 5, -1), x, 0.5),
        turned=lambda m, x: torch.where((x > 0).mT.unsqueeze(0)[0].transpose(1, 2), x, 0.5),
    )
    g.add(
        "masked_fill",
        function=lambda m, x: torch.masked_fill(x, x > 1, 0.125),
        method=lambda m, x: x.masked_fill(m.chosen, -1.5),
        **_method_in_place("masked_fill", lambda m, x: x > 0.5, -1.5),
    )
    return g


def _clamps() -> Group:
    g = Group("clamp", float32=True)
    g.add(
        "clamp",
        **_both("clamp", -0.5, 0.75),
        minimum=lambda m, x: x.clamp(min=-0.25),
        maximum=lambda m, x: torch.clamp(x, max=0.3),
        crossed=lambda m, x: x.clamp(0.5, -0.5),
    )
    for name in ("clip", "clamp_min", "clamp_max"):
        arguments = (-0.5, 0.75) if name == "clip" else (0.25,)
        g.add("clamp", **{f"{f} {name}": a for f, a in _both(name, *arguments).items()})
    g.add("relu", **_both("relu"), module=nn.ReLU(), functional=lambda m, x: F.relu(x))
    g.add("relu", **_method_in_place("relu"))
    g.add("clamp", **_method_in_place("clamp", 0.25, 0.75))
    g.add("relu6", function=lambda m, x: F.relu6(x * 5), module=nn.ReLU6())
    g.add(
        "hardtanh",
        function=lambda m, x: F.hardtanh(x, -0.5, 0.75),
        module=nn.Hardtanh(-0.25, 0.5),
    )
    return g


def _matmul() -> Group:
    g = Group("matmul", float32=False)
    g.add(
        "Linear",
        module=nn.Linear(WIDTH, 11),
        without_bias=nn.Linear(WIDTH, 11, bias=False),
        function=lambda m, x: F.linear(x, m.matrix, m.scale),
    )
    g.add(
        "matmul and @ by a constant",
        **_both("matmul", lambda m, x: m.matrix),
        operator=lambda m, x: x @ m.matrix,
        constant_first=lambda m, x: m.matrix[:6, :5] @ x,
        vector=lambda m, x: x @ m.scale,
        vector_first=lambda m, x: m.scale[:5] @ x,
        vectors=lambda m, x: m.scale.matmul(x[0, 0]),
        batched=lambda m, x: m.matrices @ x,
        softmax_of_a_parameter=lambda m, x: x @ torch.softmax(m.learned, -1),
        layer_of_a_constant=lambda m, x: x * m.norm((m.fc(m.learned) @ m.matrices[0, :, :1]).T)[0],
        function_mm=lambda m, x: torch.mm(x[0], m.matrix),
        method_mm=lambda m, x: x[0].mm(m.matrix),
        function_mv=lambda m, x: torch.mv(x[0], m.scale),
        method_mv=lambda m, x: x[0].mv(m.scale),
        function_bmm=lambda m, x: torch.bmm(m.matrices, x),
        method_bmm=lambda m, x: x.mT.bmm(m.matrices[:, :5]),
    )
    g.add(
        "matmul of run-time values, with allow_dynamic_weights",
        options={"allow_dynamic_weights": True},
        operator=lambda m, x: m.fc(x)[..., :5] @ x,
        function=lambda m, x: torch.matmul(m.fc(x[0])[:, :5], x),
        method=lambda m, x: x.mT.matmul(m.fc(x)[..., :5].mT),
        vector=lambda m, x: m.fc(x)[0, 0, :5] @ x,
        linear=lambda m, x: F.linear(m.fc(x)[..., :5], x[0].T),
        other_axis=lambda m, x: m.matrix[:6, :5] @ (x @ m.matrix),
    )
    return g


class _LastState(nn.Module):
    """The state of a recurrent layer after the last step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> Any:
        last = self.layer(x)[1]
        return (last[0], last[1]) if isinstance(self.layer, nn.LSTM) else last


class _GivenState(nn.Module):
    """A recurrent layer that starts from a buffer or from what is computed at run time."""

    def __init__(self, layer: nn.Module, at_run_time: bool) -> None:
        super().__init__()
        self.layer = layer
        self.at_run_time = at_run_time
        self.register_buffer("state", torch.zeros(2, 5, 6))

    def forward(self, x: torch.Tensor) -> Any:
        state = x[:2, :, :6] * 0.5 if self.at_run_time else self.state
        pair = isinstance(self.layer, nn.LSTM)
        output, last = self.layer(x, (state, torch.tanh(state)) if pair else state)
        return (output, last[0], last[1]) if pair else (output, last)


def _convolution() -> Group:
    g = Group("convolution", float32=False)
    padded = vollo_torch.nn.PaddedConv1d
    g.add(
        "PaddedConv1d",
        module=padded(5, 7, 3),
        dilated=padded(5, 7, 3, dilation=2),
        depthwise=padded(5, 5, 4, groups=5),
        without_bias=padded(5, 7, 2, bias=False),
    )
    g.add(
        "Conv1d",
        module=nn.Conv1d(5, 7, 3),
        strided=nn.Conv1d(5, 7, 3, stride=2, padding=1, dilation=2),
        same=nn.Conv1d(5, 7, 4, padding="same"),
        depthwise=nn.Conv1d(5, 5, 3, groups=5),
        function=lambda m, x: torch.conv1d(x, m.matrices[:, :5, :5].mT, m.scale[:3], padding=4)[
            ..., :WIDTH
        ],
        functional=lambda m, x: F.conv1d(x, m.matrices[:1, :5, :2], None, 2, "valid", 3),
        after_pad=nn.Sequential(nn.ZeroPad1d((4, 0)), nn.Conv1d(5, 7, 3, dilation=2)),
    )
    return g


def _pooling() -> Group:
    g = Group("pooling", float32=True)
    g.add(
        "MaxPool1d",
        module=nn.MaxPool1d(2, stride=3),
        function=lambda m, x: torch.max_pool1d(x, 3),
        functional=lambda m, x: F.max_pool1d(x, kernel_size=4, stride=1, dilation=2),
        without_batch=lambda m, x: F.max_pool1d(x[0], 2),
        after_pad=lambda m, x: F.max_pool1d(F.pad(x, (6, 0)), 4, stride=1, dilation=2),
        after_low_pad=lambda m, x: F.max_pool1d(F.pad(x, (2, 0), value=-1e9), 3, 1)[:, 1:],
    )
    g.add(
        "AvgPool1d",
        module=nn.AvgPool1d(4),
        function=lambda m, x: torch.avg_pool1d(x, 3, 2),
        functional=lambda m, x: F.avg_pool1d(x, 5, 1),
        after_pad=nn.Sequential(nn.ConstantPad1d((2, 0), 0.75), nn.AvgPool1d(3, 1)),
    )
    return g


class _Step(nn.Module):
    """A step with two states that uses one of each kind of operator."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(WIDTH, 7)

    def forward(self, x: torch.Tensor, s: Any) -> Any:
        slow, fast = s
        fast = torch.tanh(self.fc(x) + fast)
        slow = torch.maximum(0.75 * slow + 0.25 * fast, slow)
        return slow * fast, (slow, fast)


class _Scanned(nn.Module):
    def __init__(self, step: Any, *state: torch.Tensor) -> None:
        super().__init__()
        self.scan = vollo_torch.nn.Scan(step)
        self.state = nn.ParameterList(state)

    def forward(self, x: torch.Tensor) -> Any:
        single = len(self.state) == 1
        return self.scan(x, self.state[0] if single else self.state, output_axis=1)


class _Cells(nn.Module):
    """A cell of vollo_torch called twice in the step of a scan."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = vollo_torch.nn.LSTMCell(WIDTH, 6, batch_size=5)
        self.scan = vollo_torch.nn.Scan(self.step)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> Any:
        h = self.cell(x * 2, self.cell(x, h))
        return h, h

    def forward(self, x: torch.Tensor) -> Any:
        return self.scan(x, torch.zeros(5, 6))


class _ExplicitCell(nn.Module):
    """A cell of torch.nn in the step of a scan, whose states are the step's."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: torch.Tensor, s: Any) -> Any:
        if isinstance(self.cell, nn.LSTMCell):
            h, c = self.cell(x, (s[0], s[1]))
            return h, (h, c)
        h = self.cell(x, s)
        return h, h


def _recurrent() -> Group:
    g = Group("recurrent", float32=False)
    for kind in (nn.LSTM, nn.GRU):
        g.add(
            kind.__name__,
            sequence=_Outputs(kind(WIDTH, 6)),
            layers=_Outputs(kind(WIDTH, 6, num_layers=2)),
            batch_first=_Outputs(kind(WIDTH, 6, batch_first=True, bias=False)),
            bidirectional=_Outputs(kind(WIDTH, 4, bidirectional=True)),
            last_state=_LastState(kind(WIDTH, 6, bidirectional=True)),
            given_state=_GivenState(kind(WIDTH, 6, num_layers=2), at_run_time=False),
            state_of_the_run=_GivenState(kind(WIDTH, 6, num_layers=2), at_run_time=True),
        )
    g.add("vollo_torch.nn.LSTM", module=vollo_torch.nn.LSTM(WIDTH, 6, num_layers=2))
    g.add("RecurrentStateLSTM", module=vollo_torch.nn.RecurrentStateLSTM(WIDTH, 6))
    lstm_step, gru_step = (_ExplicitCell(cell(WIDTH, 6)) for cell in (nn.LSTMCell, nn.GRUCell))
    zeros = torch.zeros(5, 6)
    g.add(
        "LSTMCell",
        cell=nn.LSTMCell(WIDTH, 6),
        shape=(5, WIDTH),
    )
    g.add("LSTMCell", in_a_scan=_Scanned(lstm_step, zeros, zeros))
    g.add("vollo_torch.nn.LSTMCell", in_a_scan=_Cells())
    g.add("GRUCell", module=nn.GRUCell(WIDTH, 6), shape=(5, WIDTH))
    g.add("GRUCell", in_a_scan=_Scanned(gru_step, zeros))
    return g


class _Outputs(nn.Module):
    """The output sequence of a recurrent layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)[0]


def _loop() -> Group:
    g = Group("loop", float32=None)
    g.add(
        "Scan",
        module=_Scanned(_Step(), torch.zeros(5, 7), torch.full((5, 7), -torch.inf)),
        function=_Scanned(lambda x, s: (x + s, 0.5 * (x + s)), torch.ones(5, WIDTH)),
    )
    return g


def _indexing() -> Group:
    g = Group("indexing", float32=True)
    g.add(
        "[]",
        integer=lambda m, x: x[:, 2],
        negative=lambda m, x: x[..., -1, :],
        slices=lambda m, x: x[1:, ::2, 3:-2],
        none=lambda m, x: x[:, None, 1],
        positions=lambda m, x: x[:, [4, 0, -1]],
        positions_along_the_vectors=lambda m, x: x[..., [3, 0, 0, 18]],
        constant_positions=lambda m, x: x[:, m.order],
        constant=lambda m, x: x * m.scale[3:4] + m.matrix[0, :1],
    )
    g.add(
        "index_select",
        **_both("index_select", 1, lambda m, x: m.order),
        names=lambda m, x: torch.index_select(x, dim=2, index=m.order),
    )
    g.add("narrow", **_both("narrow", 2, 3, 12))
    g.add("select", **_both("select", 1, -1))
    g.add(
        "chunk",
        function=lambda m, x: torch.chunk(x, 2, dim=1)[1] - 1,
        method=lambda m, x: x.chunk(3, -1)[0],
    )
    g.add(
        "split",
        function=lambda m, x: torch.split(x, 2, dim=1)[2],
        method=lambda m, x: x.split([1, 3, 1], 1)[1],
    )
    return g


def _reduction() -> Group:
    g = Group("reduction", float32=False)
    for name in ("sum", "mean"):
        g.add(
            name,
            **_both(name, -1, True),
            one_of_several=lambda m, x, n=name: getattr(x, n)(1),
            first_kept=lambda m, x, n=name: getattr(x, n)(dim=0, keepdim=True),
            two=lambda m, x, n=name: getattr(torch, n)(x, dim=(1, 2), keepdim=True),
            two_dropped=lambda m, x, n=name: getattr(x, n)((0, 1)),
            all=lambda m, x, n=name: getattr(x, n)(),
            axis=lambda m, x, n=name: getattr(x, n)(axis=1),
            used=lambda m, x, n=name: x - getattr(x, n)(-1, keepdim=True),
            constant=lambda m, x, n=name: x * getattr(m.scale, n)(-1, keepdim=True),
        )
    g.add("cumsum", **_both("cumsum", 0), one=lambda m, x: x[:1].cumsum(dim=0))
    g.add("cumsum", constant=lambda m, x: x + m.scale.cumsum(-1))
    return g


def _joining() -> Group:
    g = Group("joining", float32=True)
    for name in ("cat", "concat", "concatenate"):
        join = getattr(torch, name)
        g.add(
            "cat",
            **{
                name: lambda m, x, j=join: j([x, -x], 1),
                f"{name} along the vectors": lambda m, x, j=join: j((x, x[..., :3]), dim=-1),
            },
        )
    g.add("cat", constant=lambda m, x: torch.cat([m.matrix[None, :5].expand(3, -1, -1), x], 1))
    g.add("stack", function=lambda m, x: torch.stack([x, 2 * x], 1))
    g.add("vstack", function=lambda m, x: torch.vstack((x[0], m.scale)))
    g.add("vstack", **{"function row_stack": lambda m, x: torch.row_stack([x[0, 0], x[1, 2]])})
    g.add("hstack", function=lambda m, x: torch.hstack([x, x[:, :2]]))
    g.add("hstack", vectors=lambda m, x: torch.hstack((x[0, 0], x[1, 1])))
    g.add("column_stack", function=lambda m, x: torch.column_stack((x[0].T, m.scale)))
    g.add("dstack", function=lambda m, x: torch.dstack([x, x[..., :3]]))
    g.add("dstack", matrices=lambda m, x: torch.dstack((x[0], x[1] * 2)))
    g.add(
        "F.pad with constants",
        function=lambda m, x: F.pad(x, (2, 0, 0, 1), value=0.5),
        cropped=lambda m, x: F.pad(x, (-3, 2)),
        shifted=lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 0))[:-1],
        module=nn.ConstantPad1d((3, 1), -1.0),
        zeros=nn.ZeroPad1d(2),
    )
    g.add(
        "roll",
        **_both("roll", 2, 1),
        two=lambda m, x: torch.roll(x, shifts=(1, -4), dims=(0, 2)),
    )
    return g


def _normalization() -> Group:
    g = Group("normalization", float32=False)
    g.add(
        "LayerNorm",
        module=nn.LayerNorm(WIDTH),
        two_axes=nn.LayerNorm((5, WIDTH)),
        without_bias=nn.LayerNorm(WIDTH, bias=False),
        not_affine=nn.LayerNorm(WIDTH, elementwise_affine=False),
        function=lambda m, x: torch.layer_norm(x, (WIDTH,), m.scale, m.scale - 1),
        functional=lambda m, x: F.layer_norm(x, (5, WIDTH), eps=1e-2),
        constant=lambda m, x: x * m.norm(m.matrix)[0],
    )
    g.add(
        "RMSNorm",
        module=nn.RMSNorm(WIDTH, eps=1e-4),
        two_axes=nn.RMSNorm((5, WIDTH)),
        not_affine=nn.RMSNorm(WIDTH, elementwise_affine=False),
        of_vollo_torch=vollo_torch.nn.RMSNorm(WIDTH),
        function=lambda m, x: torch.rms_norm(x, (WIDTH,), m.scale, 1e-3),
        functional=lambda m, x: F.rms_norm(x, (WIDTH,)),
        constant=lambda m, x: x * F.rms_norm(m.matrix, (WIDTH,), m.scale)[0],
    )
    for layer, extra in ((nn.BatchNorm1d, ()), (nn.BatchNorm2d, (1,)), (nn.BatchNorm3d, (1, 1))):
        g.add(
            "BatchNorm1d/2d/3d after training",
            but=True,
            **{
                layer.__name__: nn.Sequential(nn.Unflatten(2, (WIDTH, *extra)), layer(5)),
                f"{layer.__name__} not affine": nn.Sequential(
                    nn.Unflatten(2, (WIDTH, *extra)), layer(5, affine=False)
                ),
            },
        )
    g.add(
        "BatchNorm1d/2d/3d after training",
        function=lambda m, x: F.batch_norm(x, m.scale[:5] - 1, m.scale[:5], None, m.scale[:5]),
    )
    return g


def _shape() -> Group:
    g = Group("shape", float32=True)
    _aliases(g, "transpose swapdims swapaxes", 0, 1)
    g.add("transpose", axes=lambda m, x: torch.swapaxes(x, axis0=0, axis1=2))
    g.add("t", function=lambda m, x: torch.t(x[0]), method=lambda m, x: x[0].t())
    g.add("T", attribute=lambda m, x: x[0].T)
    g.add("mT", attribute=lambda m, x: x.mT)
    g.add("permute", **_both("permute", (1, 2, 0)))
    g.add(
        "reshape",
        **_both("reshape", (3, 5, 1, WIDTH)),
        completed=lambda m, x: x.reshape(-1, WIDTH),
    )
    g.add("view", method=lambda m, x: x.view(15, WIDTH))
    g.add("reshape_as", method=lambda m, x: (x * 2).reshape_as(x[..., None])[..., 0])
    g.add("view_as", method=lambda m, x: x.reshape(15, WIDTH).view_as(x))
    g.add("flatten", **_both("flatten", 0, 1), module=nn.Flatten(0, 1))
    unflatten = _both("unflatten", 1, (5, -1))
    g.add("unflatten", **unflatten, module=nn.Unflatten(2, (WIDTH, 1)))
    g.add(
        "squeeze",
        function=lambda m, x: torch.squeeze(x[:, :1]),
        method=lambda m, x: x[:, :1].squeeze(1),
    )
    g.add("unsqueeze", **_both("unsqueeze", -2))
    g.add(
        "expand",
        method=lambda m, x: x[:, :1].expand(-1, 6, WIDTH),
        along_the_vectors=lambda m, x: x[..., 3:4].expand(-1, -1, 20),
    )
    g.add("expand_as", method=lambda m, x: x[:, :1].expand_as(x))
    g.add(
        "broadcast_to",
        function=lambda m, x: torch.broadcast_to(x[0], (4, 5, WIDTH)),
        method=lambda m, x: x[:1].broadcast_to(3, 5, WIDTH),
    )
    g.add("broadcast_tensors", function=lambda m, x: torch.broadcast_tensors(x[:, :1], x)[0])
    g.add(
        "repeat",
        method=lambda m, x: x.repeat(2, 1, 3),
        new_axis=lambda m, x: x[:, :1].repeat(2, 1, 4, 1),
        lane=lambda m, x: x[..., 5:6].repeat(1, 1, 20),
    )
    return g


def _functions() -> Group:
    g = Group("functions", float32=False)
    g.add("sqrt", **_positive("sqrt"), **_method_in_place("sqrt"))
    g.add("rsqrt", **_positive("rsqrt"))
    g.add("reciprocal", **_positive("reciprocal"))
    modules = {"tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}
    for name, module in modules.items():
        g.add(name, **_method_in_place(name))
        g.add(name, **_both(name), functional=lambda m, x, n=name: getattr(F, n)(x), module=module)
    g.add("silu", function=lambda m, x: F.silu(x), module=nn.SiLU())
    g.add(
        "softplus",
        function=lambda m, x: F.softplus(x),
        steep=lambda m, x: F.softplus(x, beta=3.0, threshold=2),
        module=nn.Softplus(),
        steep_module=nn.Softplus(2.0, 1.0),
    )
    g.add(
        "gelu",
        function=lambda m, x: F.gelu(x),
        tanh=lambda m, x: F.gelu(x, approximate="tanh"),
        module=nn.GELU(),
        tanh_module=nn.GELU("tanh"),
    )
    g.add(
        "softmax",
        **_both("softmax", -1),
        across=lambda m, x: F.softmax(x * 3, dim=1),
        module=nn.Softmax(dim=0),
        constant=lambda m, x: x + m.scale.softmax(-1),
    )
    g.add("log", **_method_in_place("log"))
    for name in ("log", "log2", "log10"):
        g.add(name, **_positive(name))
    g.add(
        "elu",
        function=lambda m, x: F.elu(x),
        alpha=lambda m, x: F.elu(x, 0.7),
        module=nn.ELU(1.3),
    )
    g.add("hardswish", function=lambda m, x: F.hardswish(x * 2), module=nn.Hardswish())
    g.add(
        "leaky_relu",
        but=True,
        function=lambda m, x: F.leaky_relu(x),
        growing=lambda m, x: F.leaky_relu(x, negative_slope=1.75),
        module=nn.LeakyReLU(0.2),
    )
    return g


def _exponential() -> Group:
    g = Group("exponential", float32=True)
    g.add("exp", **_method_in_place("exp"))
    g.add("exp", **_both("exp"), constant=lambda m, x: x * -torch.exp(m.learned)[0])
    g.add("exp2", **_both("exp2"))
    return g


def _constants() -> Group:
    g = Group("constants", float32=None)
    for name in ("zeros", "ones"):
        g.add(
            name,
            function=lambda m, x, n=name: x + getattr(torch, n)(5, x.shape[2]),
            sizes=lambda m, x, n=name: x + getattr(torch, n)(x.shape[1], x.shape[2]),
            module=_Filled(getattr(vollo_torch.nn, name.capitalize())()),
            like=lambda m, x, n=name: x + getattr(torch, f"{n}_like")(x),
            new=lambda m, x, n=name: x + getattr(x, f"new_{n}")((5, WIDTH)),
        )
    g.add(
        "full",
        function=lambda m, x: x * torch.full((x.shape[2],), 1.5),
        like=lambda m, x: x * torch.full_like(x, 0.25),
        new=lambda m, x: x * x.new_full((5, 1), 3.0),
    )
    return g


class _Filled(nn.Module):
    def __init__(self, fill: nn.Module) -> None:
        super().__init__()
        self.fill = fill

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.fill(5, WIDTH)


def _passing() -> Group:
    g = Group("passing through", float32=None)
    g.add(
        "Dropout after training",
        module=nn.Dropout(),
        one=nn.Dropout1d(),
        function=lambda m, x: F.dropout(x, 0.5, False),
    )
    g.add("Identity", module=nn.Identity())
    g.add("contiguous", method=lambda m, x: x.mT.contiguous())
    for name in ("clone", "detach"):
        g.add(name, **_both(name))
    g.add(
        "to(float32)",
        method=lambda m, x: x.to(torch.float32),
        type=lambda m, x: x.type(torch.float32),
        float=lambda m, x: x.float(),
    )
    return g


GROUPS = [
    _arithmetic(),
    _comparison(),
    _logic(),
    _choice(),
    _clamps(),
    _matmul(),
    _convolution(),
    _pooling(),
    _recurrent(),
    _loop(),
    _indexing(),
    _reduction(),
    _joining(),
    _normalization(),
    _shape(),
    _functions(),
    _exponential(),
    _constants(),
    _passing(),
]
CASES = {case.name: case for group in GROUPS for case in group.cases()}
