"""The exceptions of the compiler, and how the gateway's error envelopes become them."""

from __future__ import annotations

from typing import Any

__all__ = [
    "AllocationError",
    "GatewayError",
    "LoadError",
    "RefusedError",
    "SaveError",
]


class AllocationError(Exception):
    """A program needs more of a store than the board has."""


class SaveError(Exception):
    """A program could not be written."""


class LoadError(Exception):
    """A file or bytes are not a valid program, or could not be read."""


class GatewayError(RuntimeError):
    """The Java process could not be started or is gone."""


for _exception in (AllocationError, SaveError, LoadError, GatewayError):
    _exception.__module__ = "vollo_compiler"

_TYPES: dict[str, type[Exception]] = {
    "ValueError": ValueError,
    "TypeError": TypeError,
    "AllocationError": AllocationError,
    "LoadError": LoadError,
    "SaveError": SaveError,
}


class RefusedError(Exception):
    """The gateway answered a request with an error; the connection can be used on."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self._type = error["type"]

    def translated(self) -> Exception:
        """Return the exception that the caller of the compiler shall see."""
        return _TYPES.get(self._type, RuntimeError)(*self.args)
