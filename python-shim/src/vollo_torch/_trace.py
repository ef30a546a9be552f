"""From a module to a graph whose nodes carry shapes and contexts."""

from __future__ import annotations

import copy
import inspect
import linecache
import operator
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch.fx.node import Node, Target, map_aggregate
from torch.fx.passes.shape_prop import TensorMetadata
from torch.fx.proxy import TraceError

from vollo_torch._context import active_contexts, contexts_of
from vollo_torch.nn import Scan

_PACKAGE = Path(__file__).parent
_TORCH = Path(torch.__file__).parent

is_vollo_tracing: ContextVar[bool] = ContextVar("is_vollo_tracing", default=False)
"""True while a module's forward runs under the tracer."""

_tracing = threading.RLock()  # torch.fx patches torch.nn.Module for all threads while it traces

SHAPES_META = "vollo_value"
"""``meta`` key of a node's result with every tensor replaced by its metadata."""

STEP_META = "vollo_scan_step"
"""``meta`` key of a ``Scan``'s node with its step as an annotated graph module."""


_MADE_BY_FORWARD = "_tensor_constant"  # how torch.fx names tensors that are no attributes


class _Tracer(fx.Tracer):
    """A tracer that keeps torch.nn and vollo_torch.nn modules whole and notes the contexts."""

    def __init__(self, input_count: int) -> None:
        super().__init__(param_shapes_constant=True)
        self._input_count = input_count

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        return type(m).__module__.startswith("vollo_torch.nn") or super().is_leaf_module(
            m, module_qualified_name
        )

    def create_args_for_root(
        self,
        root_fn: Callable[..., Any],
        is_module: bool,
        concrete_args: dict[str, Any] | tuple[Any, ...] | None = None,
    ) -> tuple[Callable[..., Any], list[Any]]:
        # One placeholder for each input that was given: forward's other arguments keep their
        # defaults, and a variadic forward gets as many as there are.
        names = _input_names(root_fn, self._input_count)
        placeholders = [self.create_proxy("placeholder", name, (), {}) for name in names]
        return root_fn, [self.root, *placeholders]

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, torch.nn.ParameterList):
            return super().create_arg(tuple(a))
        return super().create_arg(a)

    def create_node(
        self,
        kind: str,
        target: Target,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        node = super().create_node(kind, target, args, kwargs, name, type_expr)
        node.meta.update(active_contexts().meta())
        return node


class _Step(torch.nn.Module):
    """A step of a ``Scan`` as the root of a graph; what it calls lies in the attribute ``step``."""

    def __init__(self, step: Callable[..., Any]) -> None:
        super().__init__()
        owner = getattr(step, "__self__", None)
        self.step = owner if isinstance(owner, torch.nn.Module) else step
        self._call = (step,)

    def forward(self, x: Any, s: Any) -> Any:
        return self._call[0](x, s)


class _StepTracer(_Tracer):
    """A tracer of a step: a function may use modules and parameters of the model around it."""

    def __init__(self, x: Any, s: Any) -> None:
        super().__init__(2)
        self._examples = {"x": x, "s": s}

    def create_args_for_root(
        self,
        root_fn: Callable[..., Any],
        is_module: bool,
        concrete_args: dict[str, Any] | tuple[Any, ...] | None = None,
    ) -> tuple[Callable[..., Any], list[Any]]:
        given: dict[str, Any] = {
            name: self.create_proxy("placeholder", name, (), {}) for name in self._examples
        }
        arguments = [
            given[name]
            if isinstance(example, torch.Tensor)
            else tuple(given[name][i] for i in range(len(example)))
            for name, example in self._examples.items()
        ]
        return root_fn, [self.root, *arguments]

    def path_of_module(self, mod: torch.nn.Module) -> str:
        if mod not in self.root.modules():
            name = f"used_{len(list(self.root.children()))}"
            self.root.add_module(name, mod)
            self.submodule_paths = {m: path for path, m in self.root.named_modules()}
        return super().path_of_module(mod)

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, torch.nn.Parameter) and all(a is not p for p in self.root.parameters()):
            self.root.register_parameter(f"used_{len(self.root._parameters)}_parameter", a)
        return super().create_arg(a)


def _input_names(forward: Callable[..., Any], count: int) -> list[str]:
    names: list[str] = []
    for parameter in list(inspect.signature(forward).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}_{i}" for i in range(count - len(names))]
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return names[:count]


class _RefusedStepError(ValueError):
    """A step of a ``Scan`` that runs, but cannot be traced."""


class _ShapeRecorder(fx.Interpreter):
    """Runs a graph and writes each result's shape and type into its node."""

    def run(self, *args: Any, **options: Any) -> Any:
        changed = [node.args[0] for node in self.graph.nodes if _changes_what_forward_made(node)]
        made = {node.target: self.fetch_attr(node.target) for node in changed}
        before = {name: value.clone() for name, value in made.items()}
        try:
            result = super().run(*args, **options)
            return map_aggregate(result, lambda v: v.clone() if torch.is_tensor(v) else v)
        finally:
            for name, value in made.items():
                value.copy_(before[name])  # forward makes it anew in each call

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        n.meta["tensor_meta"] = _tensor_meta(result)
        n.meta[SHAPES_META] = _described(result)
        called = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        if isinstance(called, Scan):
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            try:
                n.meta[STEP_META] = _step_of(called, n, args, kwargs)
            except (TypeError, ValueError) as error:
                raise _RefusedStepError(str(error)) from error
        return result


def _step_of(
    scan: Scan, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> fx.GraphModule:
    """Return the annotated graph of a step, which takes what ``Scan`` gives it at first."""
    given = inspect.signature(scan.forward).bind(*args, **kwargs).arguments
    axis = given.get("input_axis", 0)
    xs, state = given["xs"], given["state"]
    single = isinstance(xs, torch.Tensor)
    elements = [value.select(axis, 0).clone() for value in ([xs] if single else xs)]
    x = elements[0] if single else tuple(elements)
    if not isinstance(state, torch.Tensor):
        if not isinstance(state, tuple | list) or not all(torch.is_tensor(v) for v in state):
            raise ValueError(
                f"{node.name} (Scan): its state is a tensor or a sequence of tensors, got "
                f"{_type_name(state)}"
            )
        state = tuple(value.clone() for value in state)
    else:
        state = state.clone()
    if isinstance(scan.step, fx.GraphModule):
        step = _copied(scan.step)
    else:
        root = _Step(scan.step)
        with contexts_of(node.meta):
            graph = _traced(_StepTracer(x, state), root, f"the step of {node.name}")
        step = fx.GraphModule(root, graph, "Step")
    recorder = _ShapeRecorder(step)
    recorder.extra_traceback = False
    recorder.run(x, state)
    return step


def _metadata(tensor: torch.Tensor) -> TensorMetadata:
    return TensorMetadata(
        shape=tensor.shape,
        dtype=tensor.dtype,
        requires_grad=tensor.requires_grad,
        stride=tensor.stride(),
        memory_format=None,
        is_quantized=tensor.is_quantized,
        qparams={},
    )


def _tensor_meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return _metadata(value)
    return map_aggregate(value, lambda v: _metadata(v) if isinstance(v, torch.Tensor) else None)


def _described(value: Any) -> Any:
    if isinstance(value, torch.Size):
        return tuple(value)
    return map_aggregate(value, lambda v: _metadata(v) if isinstance(v, torch.Tensor) else v)


def prepare_shape(
    model: torch.nn.Module, *inputs: torch.Tensor
) -> tuple[fx.GraphModule, torch.Tensor | tuple[torch.Tensor, ...]]:
    """Trace a module and annotate every node with the shape and type it has on example inputs.

    The graph keeps ``torch.nn`` and ``vollo_torch.nn`` modules whole. Each node's ``meta`` gets
    ``tensor_meta`` and the contexts that were active when it was traced:
    ``vollo_fp32_activations``, ``vollo_fp8_weights`` and ``vollo_core_partition``. The module is
    not changed and its parameters are shared, not copied; state that it keeps between calls is as
    before afterwards.

    >>> prepared, output = prepare_shape(torch.nn.Linear(4, 2), torch.ones(3, 4))
    >>> output.shape
    torch.Size([3, 2])
    >>> [node.meta["tensor_meta"].shape for node in prepared.graph.nodes][:2]
    [torch.Size([3, 4]), torch.Size([3, 2])]

    Args:
        model: The module, or a graph module made earlier, whose contexts are then kept.
        inputs: Example inputs in the order of the module's forward, of the shapes to compile for.

    Returns:
        The annotated graph module and the model's output on the inputs: a tensor, or a tuple of
        tensors.

    Raises:
        TypeError: ``model`` is not a module, an input is not a tensor, or the number of inputs does
            not fit the module's forward.
        ValueError: The module cannot be traced, or fails on these inputs.
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"prepare_shape: the model is a torch.nn.Module, got {_type_name(model)}")
    if isinstance(model, torch.jit.ScriptModule) or hasattr(model, "_orig_mod"):
        raise TypeError(
            "prepare_shape: the model is the result of torch.jit or torch.compile; give the module "
            "it was made of"
        )
    for position, value in enumerate(inputs):
        if not isinstance(value, torch.Tensor):
            raise TypeError(
                f"prepare_shape: input {position} is a torch.Tensor, got {_type_name(value)}"
            )
    try:
        inspect.signature(model.forward).bind(*inputs)
    except TypeError as error:
        raise TypeError(
            f"prepare_shape: {type(model).__name__}.forward{inspect.signature(model.forward)} "
            f"does not take {len(inputs)} inputs: {error}"
        ) from None

    with _tracing, torch.no_grad(), _unchanged(model):
        prepared = _graph_of(model, len(inputs))
        recorder = _ShapeRecorder(prepared)
        recorder.extra_traceback = False
        try:
            output = recorder.run(*(value.clone() for value in inputs))
        except _RefusedStepError as refusal:
            raise ValueError(str(refusal)) from refusal.__cause__
        except Exception as error:
            raise ValueError(
                f"{type(model).__name__}: running the model on inputs of shapes "
                f"{[list(value.shape) for value in inputs]} failed: {error}"
            ) from error
    return prepared, _plain(output)


def _plain(output: Any) -> Any:
    """Return what the model gave, in a tuple where it gave a list or a tuple."""
    return (
        tuple(output) if isinstance(output, tuple | list) and type(output) is not tuple else output
    )


def _graph_of(model: torch.nn.Module, input_count: int) -> fx.GraphModule:
    if isinstance(model, fx.GraphModule):
        return _copied(model)
    tracer = _Tracer(input_count)
    if tracer.is_leaf_module(model, ""):
        return _call_of(model, input_count)
    root = _detached_shell(model)
    graph = _traced(tracer, root, type(model).__name__)
    return fx.GraphModule(root, graph, type(model).__name__)


def _copied(model: fx.GraphModule) -> fx.GraphModule:
    return fx.GraphModule(model, copy.deepcopy(model.graph), type(model).__name__)


def _traced(tracer: _Tracer, root: torch.nn.Module, name: str) -> fx.Graph:
    token = is_vollo_tracing.set(True)
    try:
        with _sizes_as_arguments(), _sizes_in_slices():
            graph = tracer.trace(root)
    except Exception as error:
        raise _untraceable(name, error) from error
    finally:
        is_vollo_tracing.reset(token)
    for node in graph.nodes:
        if _changes_what_forward_made(node) and not node.users:
            raise ValueError(
                f"{node.name}: it changes in place a tensor that is not traced; go on with its "
                "result, as in y = y.add_(x)"
            )
    return graph


def _changes_what_forward_made(node: Node) -> bool:
    changed = node.args[0] if node.args else None
    return (
        node.op == "call_method"
        and str(node.target).endswith("_")
        and isinstance(changed, Node)
        and changed.op == "get_attr"
        and str(changed.target).startswith(_MADE_BY_FORWARD)
    )


@contextmanager
def _sizes_as_arguments() -> Iterator[None]:
    """Let ``torch.zeros(x.shape[0], 4)`` be traced, whose first size PyTorch takes for all."""
    fills = {fill.__name__: fill for fill in (torch.zeros, torch.ones)}

    def sized(fill: Callable[..., Any]) -> Callable[..., Any]:
        def call(*size: Any, **options: Any) -> Any:
            several = len(size) > 1 and isinstance(size[0], fx.Proxy)
            return fill(size, **options) if several else fill(*size, **options)

        return call

    try:
        for name, fill in fills.items():
            setattr(torch, name, sized(fill))
        yield
    finally:
        for name, fill in fills.items():
            setattr(torch, name, fill)


@contextmanager
def _sizes_in_slices() -> Iterator[None]:
    """Let ``self.positions[: x.shape[1]]`` be traced, a slice of a buffer up to a size."""
    outer = vars(torch.Tensor).get("__getitem__")
    get = torch.Tensor.__getitem__

    def traced(tensor: torch.Tensor, index: Any) -> Any:
        sizes: list[fx.Proxy] = []
        for part in index if isinstance(index, tuple) else (index,):
            bounds = (part.start, part.stop, part.step) if isinstance(part, slice) else (part,)
            sizes += [bound for bound in bounds if isinstance(bound, fx.Proxy)]
        if not sizes:
            return get(tensor, index)
        return sizes[0].tracer.create_proxy("call_function", operator.getitem, (tensor, index), {})

    try:
        torch.Tensor.__getitem__ = traced  # type: ignore[method-assign,assignment]
        yield
    finally:
        del torch.Tensor.__getitem__
        if outer is not None:
            torch.Tensor.__getitem__ = outer  # type: ignore[method-assign]


def _call_of(model: torch.nn.Module, input_count: int) -> fx.GraphModule:
    """Return a graph that calls a library module, which stays whole as the model itself too."""
    graph = fx.Graph()
    names = _input_names(type(model).forward, input_count)
    name = type(model).__name__.lower()
    graph.output(graph.call_module(name, tuple(graph.placeholder(name) for name in names)))
    for node in graph.nodes:
        node.meta.update(active_contexts().meta())
    return fx.GraphModule({name: model}, graph, type(model).__name__)


def _detached_shell(model: torch.nn.Module) -> torch.nn.Module:
    """Return a module with the same contents on which the tracer may set attributes."""
    shell = copy.copy(model)
    for registry in ("_parameters", "_buffers", "_modules"):
        shell.__dict__[registry] = dict(model.__dict__[registry])
    return shell


@contextmanager
def _unchanged(model: torch.nn.Module) -> Iterator[None]:
    """Put the attributes and buffers of a module and its children back at the end."""
    before = []
    for module in model.modules():
        buffers = {n: (b, None if b is None else b.clone()) for n, b in module._buffers.items()}
        before.append((module, dict(vars(module)), buffers))
    try:
        yield
    finally:
        for module, attributes, buffers in before:
            for name in vars(module).keys() - attributes.keys():
                del vars(module)[name]
            vars(module).update(attributes)
            for name, (buffer, content) in buffers.items():
                module._buffers[name] = buffer
                if buffer is not None and content is not None and not torch.equal(buffer, content):
                    buffer.copy_(content)


def _untraceable(name: str, error: Exception) -> Exception:
    frames = traceback.extract_tb(error.__traceback__)
    files = [Path(frame.filename) for frame in frames]
    if files and _PACKAGE in files[-1].parents and isinstance(error, TypeError | ValueError):
        return error  # raised on purpose, by a context for example
    if not isinstance(error, TraceError):
        what = f"{type(error).__name__}: {error}"
    elif "iterated" in str(error):
        what = "a loop or unpacking runs over a traced tensor"
    else:
        what = "control flow depends on a traced tensor or its shape"
    for frame, file in zip(reversed(frames), reversed(files), strict=True):
        if _PACKAGE not in file.parents and _TORCH not in file.parents:
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            what += f"\n  at {frame.filename}:{frame.lineno} in {frame.name}: {line}"
            break
    return ValueError(
        f"{name} cannot be traced: {what}\n"
        "  use torch.where to choose between values; decide, loop and unpack by attributes of the "
        "module and by indices"
    )


def _type_name(value: object) -> str:
    return "a module class" if isinstance(value, type) else type(value).__name__
