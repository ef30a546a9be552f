"""Contexts that mark the operations traced inside them.

A context only pushes its mark on a stack when it is entered and pops it when it is left, so one
instance may be entered again at every forward call, inside itself, and from several threads.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from vollo_compiler._arguments import boolean


@dataclass(frozen=True)
class ActiveContexts:
    """What the contexts around an operation ask of it."""

    fp32_activations: bool = False
    fp8_weights: bool = False
    cores: tuple[int, ...] | None = None

    def meta(self) -> dict[str, Any]:
        """Return the marks as the entries that a traced node's ``meta`` carries."""
        return {
            "vollo_fp32_activations": self.fp32_activations,
            "vollo_fp8_weights": self.fp8_weights,
            "vollo_core_partition": self.cores,
        }


_stack: ContextVar[tuple[ActiveContexts, ...]] = ContextVar(
    "vollo_torch_contexts", default=(ActiveContexts(),)
)


def active_contexts() -> ActiveContexts:
    """Return the contexts that are active at this point of the program."""
    return _stack.get()[-1]


@contextmanager
def contexts_of(node_meta: dict[str, Any]) -> Iterator[None]:
    """Make the contexts that a traced node's ``meta`` carries the active ones."""
    marked = ActiveContexts(
        node_meta.get("vollo_fp32_activations", False),
        node_meta.get("vollo_fp8_weights", False),
        node_meta.get("vollo_core_partition"),
    )
    before = _stack.get()
    _stack.set((*before, marked))
    try:
        yield
    finally:
        _stack.set(before)


class _TracingContext:
    """A context manager that changes the active contexts between entry and exit."""

    def _applied_to(self, outer: ActiveContexts) -> ActiveContexts:
        raise NotImplementedError

    def __enter__(self) -> None:
        stack = _stack.get()
        _stack.set((*stack, self._applied_to(stack[-1])))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        stack = _stack.get()
        if len(stack) == 1:
            raise ValueError(
                f"{type(self).__name__}: it is left without having been entered here; use `with`"
            )
        _stack.set(stack[:-1])


class Fp32Activations(_TracingContext):
    """Operations traced inside compute on float32 values instead of BF16 ones.

    >>> import torch, vollo_torch
    >>> class Scaled(torch.nn.Module):
    ...     def forward(self, x):
    ...         with vollo_torch.Fp32Activations():
    ...             return x * 2
    >>> prepared, _ = vollo_torch.fx.prepare_shape(Scaled(), torch.zeros(3))
    >>> [node.meta["vollo_fp32_activations"] for node in prepared.graph.nodes]
    [False, True, False]
    """

    def _applied_to(self, outer: ActiveContexts) -> ActiveContexts:
        return replace(outer, fp32_activations=True)


class Fp8Weights(_TracingContext):
    """Constant weights of Linear, Conv1d and LSTM layers traced inside are stored as FP8 E4M3.

    They take half of the weight store and are widened to BF16 before use; biases stay as they
    are. When the program is compiled, boards without FP8 storage refuse the model, and all boards
    refuse a weight that is computed at run time.
    """

    def _applied_to(self, outer: ActiveContexts) -> ActiveContexts:
        return replace(outer, fp8_weights=True)


class CorePartition(_TracingContext):
    """Operations traced inside may only be placed on the given cores.

    >>> with CorePartition([0, 1, 2]):
    ...     with CorePartition([3]):
    ...         pass
    Traceback (most recent call last):
    ValueError: CorePartition: cores [3] are not in the enclosing partition [0, 1, 2]; use a \
subset of it or override=True

    Core indices that the chosen board does not have are ignored when the model is compiled.

    Args:
        cores: Indices of the allowed cores, at least one, none negative.
        override: Replace the enclosing partition instead of narrowing it.

    Raises:
        TypeError: An index is not an integer, or there is one alone.
        ValueError: No core is given, or an index is negative; on entry: without ``override``, a
            core is not in the enclosing partition.
    """

    def __init__(self, cores: Sequence[int], override: bool = False) -> None:
        if not isinstance(cores, Iterable) or isinstance(cores, str):
            raise TypeError(f"CorePartition: cores is a sequence of integers, got {cores!r}")
        indices = [_index(core) for core in cores]
        if not indices:
            raise ValueError("CorePartition: needs at least one core")
        self.cores = tuple(sorted(set(indices)))
        self.override = boolean("override", override)

    def __repr__(self) -> str:
        return f"CorePartition({list(self.cores)}{', override=True' * self.override})"

    def _applied_to(self, outer: ActiveContexts) -> ActiveContexts:
        if outer.cores is not None and not self.override:
            foreign = sorted(set(self.cores) - set(outer.cores))
            if foreign:
                raise ValueError(
                    f"CorePartition: cores {foreign} are not in the enclosing partition "
                    f"{list(outer.cores)}; use a subset of it or override=True"
                )
        return replace(outer, cores=self.cores)


def _index(core: Any) -> int:
    try:
        if isinstance(core, bool):
            raise TypeError
        index = operator.index(core)
    except TypeError:
        raise TypeError(f"CorePartition: core indices are integers, got {core!r}") from None
    if index < 0:
        raise ValueError(f"CorePartition: core index {index} is negative")
    return index
