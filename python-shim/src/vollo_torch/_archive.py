"""A traced module as a portable file: the graph document and its tensors in a tar archive.

The file holds no code and no pickles, so it can be moved between versions of Python and PyTorch.
"""

from __future__ import annotations

import gzip
import importlib
import inspect
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

from vollo_compiler._files import replace
from vollo_torch._export import FloatArray, export_graph
from vollo_torch._trace import prepare_shape
from vollo_torch.nn import Scan

_GRAPH_MEMBER = "graph.json"
_TENSORS_MEMBER = "tensors.npz"
_MODULE_NAMESPACES = ("torch.nn", "vollo_torch.nn")
_FUNCTION_NAMESPACES = (
    "_operator",
    "torch.nn.functional",
    "torch",
    "torch.functional",
    "torch._C._nn",
    "torch._C._fft",
    "torch._C._linalg",
    "torch._C._special",
    "math",
)

Archive = str | os.PathLike[str]


def save(module: torch.nn.Module, input: torch.Tensor, archive: Archive) -> None:
    """Trace a module and store it as a portable ``.tar.gz``.

    Args:
        module: A module of one input.
        input: An example input.
        archive: Path of the file to write; it appears under this name when it is complete.

    Raises:
        OSError: The file cannot be written.
        TypeError: ``module`` is not a module, or ``input`` is not a tensor.
        ValueError: The module cannot be traced, or holds a layer that cannot be rebuilt from its
            attributes.
    """
    prepared, _ = prepare_shape(module, input)
    document, tensors = export_graph(prepared)
    _rebuild(document, tensors)
    packed = io.BytesIO()
    np.savez(packed, *tensors)
    members = {_GRAPH_MEMBER: json.dumps(document).encode(), _TENSORS_MEMBER: packed.getvalue()}
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    replace(Path(archive), written.getvalue())


def load(archive: Archive) -> tuple[fx.GraphModule, torch.Size]:
    """Load a module that :func:`save` stored.

    Loading runs nothing of the archive. Running or tracing the module calls the functions and
    methods of PyTorch that the archive names, with its arguments, as a model's source would: do so
    with archives that you trust. :meth:`vollo_compiler.NNIR.load` is the safer alternative.

    Args:
        archive: Path of the file.

    Returns:
        The module, to be given to ``prepare_shape`` with an input, and the shape of its input.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not such an archive, or is damaged.
    """
    stored = Path(archive).read_bytes()
    try:
        content = gzip.decompress(stored)  # checks length and checksum first
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            document = json.loads(_member(tar, _GRAPH_MEMBER))
            with np.load(io.BytesIO(_member(tar, _TENSORS_MEMBER)), allow_pickle=False) as packed:
                tensors = [packed[f"arr_{i}"] for i in range(len(document["tensors"]))]
        shape = next(n["shape"] for n in document["nodes"] if n["op"] == "placeholder")
        return _rebuild(document, tensors), torch.Size(shape)
    except tarfile.ReadError:
        reason = "it holds no tar archive; it is empty or cut short"
        raise ValueError(f"{os.fspath(archive)}: not a readable module archive: {reason}") from None
    except Exception as error:
        raise ValueError(f"{os.fspath(archive)}: not a readable module archive: {error}") from error


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    content = tar.extractfile(name)
    if content is None:
        raise ValueError(f"{name} is not a file")
    return content.read()


def _rebuild(document: dict[str, Any], arrays: list[FloatArray]) -> fx.GraphModule:
    """Make the graph module that a document describes."""
    tensors = [
        torch.from_numpy(array.copy()).to(getattr(torch, entry["dtype"]))
        for array, entry in zip(arrays, document["tensors"], strict=True)
    ]
    return _graph_module(document["nodes"], tensors, {})


def _graph_module(
    nodes: list[dict[str, Any]],
    tensors: list[torch.Tensor],
    modules: dict[int, torch.nn.Module],
) -> fx.GraphModule:
    root = torch.nn.Module()
    graph = fx.Graph()
    made: dict[str, fx.Node] = {}
    for entry in nodes:
        op = entry["op"]
        args = tuple(_decode(a, made) for a in entry.get("args", ()))
        kwargs = {name: _decode(a, made) for name, a in entry.get("kwargs", {}).items()}
        if op == "output":
            graph.output(args[0])
            continue
        target: Any = entry.get("target", entry["name"])
        if op == "call_module":
            if entry["instance"] not in modules:
                modules[entry["instance"]] = _module(entry, tensors, modules)
            _place(root, target, modules[entry["instance"]])
        elif op == "get_attr":
            _place(root, target, tensors[entry["tensor"]])
        elif op == "call_function":
            target = _function(entry["module"], target)
        node = graph.create_node(op, target, args, kwargs, entry["name"])
        cores = entry["context"]["cores"]
        node.meta.update(
            vollo_fp32_activations=entry["context"]["fp32_activations"],
            vollo_fp8_weights=entry["context"]["fp8_weights"],
            vollo_core_partition=None if cores is None else tuple(cores),
        )
        made[entry["name"]] = node
    return fx.GraphModule(root, graph)


def _place(root: torch.nn.Module, target: str, value: torch.nn.Module | torch.Tensor) -> None:
    *parents, name = target.split(".")
    owner = root
    for parent in parents:
        if parent not in owner._modules:
            owner.add_module(parent, torch.nn.Module())
        owner = owner.get_submodule(parent)
    if isinstance(value, torch.nn.Module):
        owner.add_module(name, value)
    else:
        owner.register_buffer(name, value)


def _module(
    entry: dict[str, Any], tensors: list[torch.Tensor], modules: dict[int, torch.nn.Module]
) -> torch.nn.Module:
    namespace, _, name = entry["type"].rpartition(".")
    if namespace not in _MODULE_NAMESPACES:
        raise ValueError(f"{entry['target']}: modules of type {entry['type']} cannot be archived")
    cls = getattr(importlib.import_module(namespace), name)
    attributes = {k: _decode(v, {}) for k, v in entry["attrs"].items()}
    if "graph" in entry:
        step = _graph_module(entry["graph"]["nodes"], tensors, modules)
        return Scan(step).train(attributes["training"])
    positional = _positional_arguments(cls, attributes)
    module: torch.nn.Module = cls(*positional, **_constructor_arguments(cls, attributes, entry))
    for qualified, index in entry["params"].items():
        owner_name, _, tensor_name = qualified.rpartition(".")
        owner = module.get_submodule(owner_name)
        if tensor_name in owner._parameters:
            parameter = torch.nn.Parameter(tensors[index], requires_grad=False)
            owner.register_parameter(tensor_name, parameter)
        else:
            owner._buffers[tensor_name] = tensors[index]
    return module.train(attributes["training"])


def _positional_arguments(cls: type, attributes: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a variadic constructor, such as that of ``Zeros``, was given."""
    for name, parameter in inspect.signature(cls).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL and name in attributes:
            return tuple(attributes[name])
    return ()


def _constructor_arguments(
    cls: type, attributes: dict[str, Any], entry: dict[str, Any]
) -> dict[str, Any]:
    signed = torch.nn.RNNBase if issubclass(cls, torch.nn.RNNBase) else cls
    arguments = {}
    for name, parameter in inspect.signature(signed).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if name in attributes and attributes[name] == parameter.default:
            continue  # a GRU takes no proj_size, not even its default
        if name == "bias" and name not in attributes:
            arguments[name] = any(key.split(".")[-1] == "bias" for key in entry["params"])
        elif name in attributes and not (name == "mode" and signed is not cls):
            arguments[name] = attributes[name]
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            if name == "mode" and signed is not cls:
                continue
            raise ValueError(f"{entry['target']}: {entry['type']} cannot be archived ({name})")
    return arguments


def _function(module: str, name: str) -> Callable[..., Any]:
    if (module, name) == ("builtins", "getattr"):
        return getattr
    candidates = [module] if module else list(_FUNCTION_NAMESPACES)
    for namespace in candidates:
        if namespace in _FUNCTION_NAMESPACES:
            found = getattr(importlib.import_module(namespace), name, None)
            if callable(found):
                function: Callable[..., Any] = found
                return function
    raise ValueError(f"function {module}.{name} cannot be archived")


def _decode(value: Any, nodes: dict[str, fx.Node]) -> Any:
    """Invert the encoding of arguments."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "node":
            return nodes[content]
        case "str":
            return content
        case "float":
            return float(content)
        case "ellipsis":
            return Ellipsis
        case "dtype":
            return getattr(torch, content)
        case "list":
            return [_decode(item, nodes) for item in content]
        case "tuple":
            return tuple(_decode(item, nodes) for item in content)
        case "dict":
            return {key: _decode(item, nodes) for key, item in content.items()}
        case "slice":
            return slice(*(_decode(item, nodes) for item in content))
    raise ValueError(f"arguments of kind {kind!r} cannot be archived: {content}")
