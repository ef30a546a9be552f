"""Bars on standard error for what takes long, on terminals and in notebooks."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["compilations_bar", "is_shown", "show_progress", "steps_bar", "working"]

_DELAY_SECONDS = 0.5
_TICK_SECONDS = 0.2
_chosen: bool | None = None


def show_progress(enabled: bool | None) -> None:
    """Choose whether compiles and long runs show bars.

    Args:
        enabled: None shows them on a terminal and in a notebook, unless the environment variable
            NNIR_BRIDGE_PROGRESS is ``off`` (never) or ``on`` (always).

    Raises:
        TypeError: ``enabled`` is something else.
    """
    global _chosen
    if enabled is not None and not isinstance(enabled, bool):
        raise TypeError(f"enabled: True, False or None is needed, got {enabled!r}")
    _chosen = enabled


def is_shown() -> bool:
    """Tell whether bars are shown."""
    if _chosen is not None:
        return _chosen
    setting = os.environ.get("NNIR_BRIDGE_PROGRESS", "auto").lower()
    if setting in ("on", "off"):
        return setting == "on"
    return _is_terminal() or _is_notebook()


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _tqdm() -> Any:
    """Return the bar for where this runs; a notebook without widgets gets the one of text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm  # asyncio comes with it: not at every start
    return tqdm


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show for how long something runs that says nothing meanwhile."""
    if not is_shown():
        yield
        return
    done = threading.Event()
    layout = "{desc} {elapsed}"
    with _tqdm()(desc=what, bar_format=layout, delay=_DELAY_SECONDS, leave=False) as bar:

        def tick() -> None:
            while not done.wait(_TICK_SECONDS):
                bar.update()

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()


def compilations_bar(total: int, shown: bool) -> Any:
    """Return a bar of so many compilations that run side by side."""
    return _tqdm()(total=total, desc="compiling", unit="program", disable=not shown)


def steps_bar(total: int) -> Any:
    """Return a bar of so many time steps, to be used in a ``with`` and updated."""
    return _tqdm()(total=total, desc="time steps", unit="step", delay=_DELAY_SECONDS, leave=False)
