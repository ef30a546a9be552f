"""The options of a compilation."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from nnir_bridge._gateway import Gateway, RemoteObject
from nnir_bridge._progress import working
from vollo_compiler._arguments import boolean, integer, listed

__all__ = ["compile_models", "model_entry"]

_INTEGERS = ("max_sparse_entries", "output_buffer_capacity", "write_queue_capacity")
_LARGEST_SEED = 2**63 - 1

_LOG = logging.getLogger("nnir_bridge")


def model_entry(nnir: RemoteObject, name: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return what the gateway needs to compile one model.

    Raises:
        TypeError: The name or an option is of a wrong type.
        ValueError: An integer is too large.
    """
    if not isinstance(name, str):
        raise TypeError(f"name: a string is needed, got {name!r}")
    return {"nnir": nnir.handle, "name": name, "options": _plain(options)}


def compile_models(
    gateway: Gateway, config: str, models: list[dict[str, Any]]
) -> tuple[RemoteObject, dict[str, Any]]:
    """Compile models into one program."""
    names = ", ".join(model["name"] for model in models)
    began = time.perf_counter()
    with working(f"compiling {names}"):
        compiled = gateway.create("compile", config, json.dumps(models))
    _LOG.info("compiled %s in %.2f s", names, time.perf_counter() - began)
    return compiled


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in options.items():
        if name == "random_seeds":
            plain[name] = listed(name, value, -_LARGEST_SEED, _LARGEST_SEED)
        elif name == "core_indices":
            plain[name] = [] if value is None else listed(name, value)
        elif name in _INTEGERS:
            plain[name] = integer(name, value)
        else:
            plain[name] = boolean(name, value)
    return plain
