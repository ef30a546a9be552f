"""From an annotated graph to the JSON document and the tensors that the compiler imports.

Nothing is decided here about what is supported: names, arguments, shapes and contexts go over as
they are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx
from torch.fx.node import Argument, Node
from torch.fx.passes.shape_prop import TensorMetadata

from vollo_torch._trace import SHAPES_META, STEP_META

_VERSION = 1
_SHAPE_METHODS = frozenset({"size", "dim", "ndimension", "numel", "nelement", "element_size"})
_SHAPE_ATTRIBUTES = frozenset({"shape", "ndim", "dtype", "device"})

FloatArray = npt.NDArray[np.float32]


def export_graph(module: fx.GraphModule) -> tuple[dict[str, Any], list[FloatArray]]:
    """Describe a module that ``prepare_shape`` annotated.

    Returns:
        The graph document and its tensors in the order of the indices it uses.

    Raises:
        ValueError: A node has no shape, so the module did not come from ``prepare_shape``, or it
            has what cannot be described: complex tensors, or layers with hooks.
    """
    shared = _Shared()
    nodes = _Exporter(module, shared).nodes()
    return {"version": _VERSION, "nodes": nodes, "tensors": shared.entries}, shared.arrays


class _Shared:
    """What the graphs of one document have in common: tensors, and which modules are the same."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.arrays: list[FloatArray] = []
        self._index_of: dict[tuple[Any, ...], int] = {}
        self._kept: list[torch.Tensor] = []
        self._modules: list[torch.nn.Module] = []

    def instance(self, module: torch.nn.Module) -> int:
        """Return a number that is the same for every call of a module."""
        for index, known in enumerate(self._modules):
            if known is module:
                return index
        self._modules.append(module)
        return len(self._modules) - 1

    def tensor(self, name: str, tensor: torch.Tensor) -> int:
        """Return the index of a tensor, the same for every use of the same memory."""
        key: tuple[Any, ...] = (
            tensor.untyped_storage().data_ptr() or id(tensor),
            tensor.storage_offset(),
            tensor.shape,
            tensor.stride(),
            tensor.dtype,
        )
        if key not in self._index_of:
            if tensor.is_complex():
                raise ValueError(f"{name}: complex tensors are not supported; use real ones")
            self._index_of[key] = len(self.entries)
            self._kept.append(tensor)
            entry = {"name": name, "shape": list(tensor.shape), "dtype": _dtype_name(tensor.dtype)}
            self.entries.append(entry)
            plain = tensor.detach().to(device="cpu", dtype=torch.float32).contiguous()
            self.arrays.append(plain.numpy())
        return self._index_of[key]


class _Exporter:
    """Describes the nodes of one graph."""

    def __init__(self, module: fx.GraphModule, shared: _Shared) -> None:
        self._module = module
        self._shared = shared
        self._known: dict[Node, Any] = {}

    def nodes(self) -> list[dict[str, Any]]:
        return [self._node(node) for node in self._module.graph.nodes if not self._is_known(node)]

    def _is_known(self, node: Node) -> bool:
        """Whether a node's result follows from shapes alone; its users then get the value."""
        if node.op not in ("call_method", "call_function"):
            return False
        asks_shape = node.target in _SHAPE_METHODS or (
            node.target is getattr and node.args[1] in _SHAPE_ATTRIBUTES
        )
        inputs = node.all_input_nodes
        computed = bool(inputs) and all(source in self._known for source in inputs)
        if not asks_shape and not computed:
            return False
        value = self._value(node)
        if _holds_tensor(value):
            return False
        self._known[node] = value
        return True

    def _value(self, node: Node) -> Any:
        if SHAPES_META not in node.meta:
            raise ValueError(
                f"{node.name}: the node has no shape; call vollo_torch.fx.prepare_shape on the "
                "model and example inputs first"
            )
        return node.meta[SHAPES_META]

    def _node(self, node: Node) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": node.name, "op": node.op}
        if node.op == "output":
            return {**entry, "args": [self._argument(node.args[0])]}
        if node.op == "call_module":
            entry |= self._called_module(str(node.target))
            if STEP_META in node.meta:
                step = _Exporter(node.meta[STEP_META], self._shared)
                entry["graph"] = {"nodes": step.nodes()}
        elif node.op == "get_attr":
            entry |= self._attribute(str(node.target))
        elif node.op == "call_function":
            entry["target"] = getattr(node.target, "__name__", str(node.target))
            entry["module"] = getattr(node.target, "__module__", None) or ""
        elif node.op == "call_method":
            entry["target"] = node.target
        if node.op.startswith("call_"):
            entry["args"] = [self._argument(argument) for argument in node.args]
            entry["kwargs"] = {name: self._argument(v) for name, v in node.kwargs.items()}
        value = self._value(node)
        entry["shape"] = _shape(value)
        entry["dtype"] = _dtype_name(value.dtype) if isinstance(value, TensorMetadata) else None
        cores = node.meta.get("vollo_core_partition")
        entry["context"] = {
            "fp32_activations": node.meta.get("vollo_fp32_activations", False),
            "fp8_weights": node.meta.get("vollo_fp8_weights", False),
            "cores": None if cores is None else list(cores),
        }
        return entry

    def _called_module(self, target: str) -> dict[str, Any]:
        called = self._module.get_submodule(target)
        if called._forward_hooks or called._forward_pre_hooks:
            raise ValueError(
                f"{target} ({type(called).__name__}): it has forward hooks, which are not "
                "compiled; remove them, as torch.nn.utils.remove_weight_norm does"
            )
        tensors = [*called.named_parameters(), *called.named_buffers()]
        return {
            "target": target,
            "type": module_type(called),
            "instance": self._shared.instance(called),
            "attrs": {name: self._argument(v) for name, v in module_attributes(called).items()},
            "params": {name: self._shared.tensor(f"{target}.{name}", t) for name, t in tensors},
        }

    def _attribute(self, target: str) -> dict[str, Any]:
        value: Any = self._module
        for name in target.split("."):
            value = getattr(value, name)
        index = self._shared.tensor(target, value) if isinstance(value, torch.Tensor) else None
        return {"target": target, "tensor": index}

    def _argument(self, value: Argument | Any) -> Any:
        if isinstance(value, Node):
            if value in self._known:
                return self._argument(self._known[value])
            return {"node": value.name}
        if isinstance(value, tuple):
            return {"tuple": [self._argument(v) for v in value]}
        if isinstance(value, list):
            return {"list": [self._argument(v) for v in value]}
        if isinstance(value, dict):
            return {"dict": {str(k): self._argument(v) for k, v in value.items()}}
        if isinstance(value, slice):
            parts = (value.start, value.stop, value.step)
            return {"slice": [self._argument(v) for v in parts]}
        return encode_scalar(value)


def encode_scalar(value: object) -> Any:
    """Encode an argument that holds no other."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, str):
        return {"str": value}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, torch.dtype):
        return {"dtype": _dtype_name(value)}
    return {"object": repr(value)}


def module_type(module: torch.nn.Module) -> str:
    """Return the name under which a module's class is known, not the file it is defined in."""
    cls = type(module)
    for public in ("torch.nn", "vollo_torch.nn"):
        if cls.__module__ == public or cls.__module__.startswith(public + "."):
            return f"{public}.{cls.__qualname__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def module_attributes(module: torch.nn.Module) -> dict[str, Any]:
    """Return the public attributes of a module that are plain values or sequences of them."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def _holds_tensor(value: object) -> bool:
    if isinstance(value, TensorMetadata):
        return True
    return isinstance(value, tuple | list) and any(_holds_tensor(item) for item in value)


def _shape(value: object) -> Any:
    if isinstance(value, TensorMetadata):
        return list(value.shape)
    if isinstance(value, tuple | list):
        return {"tuple": [_shape(item) for item in value]}
    return None


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
