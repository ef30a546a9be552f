"""What the two processes say about their work."""

from __future__ import annotations

import logging

from nnir_bridge._gateway import current_gateway

__all__ = ["gateway_log", "set_log_level"]


def set_log_level(level: str | int) -> None:
    """Set how much the logger ``nnir_bridge`` and the gateway's log say.

    Args:
        level: ``"DEBUG"``, ``"INFO"``, ``"WARNING"``, ``"ERROR"`` or ``"CRITICAL"``, or the number
            that ``logging`` has for one.

    Raises:
        TypeError: It is neither.
        ValueError: There is no such level.
    """
    name = logging.getLevelName(level) if isinstance(level, int) else level
    if not isinstance(name, str):
        raise TypeError(f"level: a name or a number of a level is needed, got {level!r}")
    known = name.upper() if isinstance(logging.getLevelName(name.upper()), int) else name
    current_gateway().call("setLogLevel", known)
    logging.getLogger("nnir_bridge").setLevel(known)


def gateway_log() -> str:
    """Return the log of this process's gateway, which is started if there is none."""
    return current_gateway().log()
