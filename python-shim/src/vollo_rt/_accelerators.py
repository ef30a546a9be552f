"""The machines of a context in the places of accelerators, all loaded with one program."""

from __future__ import annotations

from typing import Any

from vollo_compiler import VM, Program
from vollo_compiler._arguments import boolean, integer

__all__ = ["Accelerators"]


class Accelerators:
    """Machines by the numbers by which they are asked for."""

    def __init__(self) -> None:
        self._indices: list[int] = []
        self._bit_accurate = True
        self._program: Program | None = None
        self._machines: list[VM] = []

    def __len__(self) -> int:
        return len(self._indices)

    def add(self, accelerator_index: Any, bit_accurate: Any) -> None:
        """Add a machine that is to be loaded.

        Raises:
            TypeError: An argument is of a wrong type.
            ValueError: There is one with that number, the others compute in another way, or a
                program is loaded already.
        """
        index = integer("accelerator_index", accelerator_index, 0)
        accurate = boolean("bit_accurate", bit_accurate)
        if index in self._indices:
            raise ValueError(
                f"this context has accelerator {index} already; give the other one another index"
            )
        if self._program is not None:
            raise ValueError(
                f"accelerator {index}: a program is loaded already; add all accelerators first"
            )
        if self._indices and accurate is not self._bit_accurate:
            raise ValueError(
                f"accelerator {index}: bit_accurate={accurate} differs from that of accelerator "
                f"{self._indices[0]}; jobs go to either, so all of a context compute alike"
            )
        self._indices.append(index)
        self._bit_accurate = accurate

    def load(self, program: Program) -> None:
        """Load all machines; each starts with the models' first states."""
        self._machines = [program.to_vm(bit_accurate=self._bit_accurate) for _ in self._indices]
        self._program = program

    def check(self, accelerator_index: Any) -> None:
        """Check that there is an accelerator with a number.

        Raises:
            ValueError: There is none.
        """
        index = integer("accelerator_index", accelerator_index)
        if index not in self._indices:
            has = ", ".join(map(str, self._indices)) or "none yet"
            number = "numbers " if len(self) > 1 else "number " if len(self) else ""
            raise ValueError(
                f"accelerator_index: there is no accelerator {index}; it has {number}{has}"
            )

    @property
    def program(self) -> Program | None:
        """The program that all are loaded with."""
        return self._program

    def machine(self, lane: int) -> VM:
        """Return the machine that was added as the ``lane``-th."""
        return self._machines[lane]

    def lanes_of(self, model_index: int) -> range:
        """Return which may do a model's jobs: all, or for a model with state the first."""
        assert self._program is not None
        stateful = self._program._summary["models"][model_index]["stateful"]
        return range(1 if stateful else len(self))
