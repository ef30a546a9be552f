"""The memory that a data connection shares with the gateway."""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Region", "StepPlan"]

# Indices of 64-bit control words; docs/gateway.md has the whole layout.
REQUEST: Final = 0
VM_HANDLE: Final = 1
MODEL_INDEX: Final = 2
ROUNDING: Final = 3
WAITED: Final = 4
CANCEL: Final = 8
RESPONSE: Final = 16
STATUS: Final = 17
ERROR_BYTES: Final = 18
CROWDED: Final = 19
CLIENT_SLEEPS: Final = 24
GATEWAY_SLEEPS: Final = 32

ERROR_TEXT: Final = 1024
VALUES: Final = 4096

Floats = npt.NDArray[np.float32]
Slot = tuple[int, tuple[int, ...]]


class StepPlan:
    """One model of one virtual machine: where in a region its values go.

    Args:
        handle: The virtual machine's handle.
        model_index: The model.
        inputs: For each input its byte offset in the value part and its shape.
        outputs: The same for each output.
        size: Bytes that all values take.
        threads: How many threads share an inference.
        crowded: Whether the next inference needs every processor, so that who waits for it should
            give its own away; the gateway tells anew after each.

    Attributes:
        waited: How long the last inference took, in nanoseconds.
        settling: How many of the next inferences come so soon after a change of ``crowded`` that
            threads may still be on each other's processors.
    """

    __slots__ = (
        "bound",
        "crowded",
        "handle",
        "inputs",
        "model_index",
        "outputs",
        "settling",
        "size",
        "threads",
        "waited",
    )

    def __init__(
        self,
        handle: int,
        model_index: int,
        inputs: list[Slot],
        outputs: list[Slot],
        size: int,
        threads: int,
        crowded: bool,
    ) -> None:
        self.handle = handle
        self.model_index = model_index
        self.inputs = inputs
        self.outputs = outputs
        self.size = size
        self.threads = threads
        self.crowded = crowded
        self.waited = 0
        self.settling = 0
        self.bound: tuple[Region | None, list[Floats], list[Floats]] = (None, [], [])


class Region:
    """A mapped file: a page of control words, then values."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.memory = mmap.mmap(descriptor, size)
        self.size = size
        self.words: Any = memoryview(self.memory)[:ERROR_TEXT].cast("q")

    def bind(self, plan: StepPlan) -> tuple[list[Floats], list[Floats]]:
        """Return arrays that lie where the plan's values go, and remember them in the plan."""
        source = [self._array(slot) for slot in plan.inputs]
        target = [self._array(slot) for slot in plan.outputs]
        plan.bound = (self, source, target)
        return source, target

    def _array(self, slot: Slot) -> Floats:
        offset, shape = slot
        view: Floats = np.ndarray(shape, np.float32, self.memory, VALUES + offset)
        return view

    def error_text(self) -> str:
        """Return the JSON of the error that the last request gave."""
        length = int(self.words[ERROR_BYTES])
        return self.memory[ERROR_TEXT : ERROR_TEXT + length].decode("utf-8", "replace")
