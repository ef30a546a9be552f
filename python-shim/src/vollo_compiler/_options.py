"""The options of a compilation."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from nnir_bridge._gateway import Gateway, RemoteObject
from nnir_bridge._progress import working
from vollo_compiler._arguments import integer

__all__ = ["compile_models", "model_entry"]

_LOG = logging.getLogger("nnir_bridge")


def model_entry(nnir: RemoteObject, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return what the gateway needs to compile one model."""
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
        if isinstance(value, bool):
            plain[name] = value
        elif isinstance(value, (list, tuple, range)):
            plain[name] = [integer(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif value is not None:
            plain[name] = integer(name, value)
    return plain
