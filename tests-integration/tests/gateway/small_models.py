"""Models as traced-graph documents, so that a script need not import PyTorch."""

from __future__ import annotations

import math

import numpy as np

import nnir_bridge
from vollo_compiler import NNIR, VM, Config


def identity(*shape: int) -> NNIR:
    """Return a model whose output is its input, both float32."""
    return _import([], [_output("x")], [], shape)


def dense(size: int) -> NNIR:
    """Return a linear layer of ``size`` inputs and outputs with small random weights."""
    random = np.random.default_rng(size)
    weight = random.standard_normal((size, size), dtype=np.float32) / math.sqrt(size)
    layer = {
        "name": "fc",
        "op": "call_module",
        "target": "fc",
        "type": "torch.nn.Linear",
        "attrs": {"in_features": size, "out_features": size, "training": False},
        "params": {"weight": 0},
        "args": [{"node": "x"}],
        "kwargs": {},
        "shape": [size],
        "dtype": "float32",
        "context": {"fp32_activations": False, "fp8_weights": False, "cores": None},
    }
    return _import([layer], [_output("fc")], [weight], (size,))


def board(weight_store_depth: int = 1 << 16) -> Config:
    """Return a board with room for any model of these tests."""
    return Config(6, 32, weight_store_depth=weight_store_depth)


def identity_vm(*shape: int) -> VM:
    """Return a machine that runs :func:`identity`."""
    return identity(*shape).to_program(board()).to_vm()


def _import(layers: list[dict], outputs: list[dict], tensors: list, shape: tuple) -> NNIR:
    placeholder = {"name": "x", "op": "placeholder", "shape": list(shape), "dtype": "float32"}
    graph = {
        "version": 1,
        "nodes": [placeholder, *layers, *outputs],
        "tensors": [{"name": "fc.weight", "shape": list(t.shape)} for t in tensors],
    }
    return nnir_bridge.import_fx(graph, tensors, ["FP32"], ["FP32"])


def _output(node: str) -> dict:
    return {"name": "output", "op": "output", "args": [{"node": node}]}
