"""What a program takes of its board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vollo_compiler._tables import bar, lines, table

__all__ = ["Metrics"]


@dataclass(frozen=True, repr=False)
class Metrics:
    """What a program takes of each core, and the sizes of its models' inputs and outputs.

    The lists have one entry per core, or one per model (``input_bytes``, ``output_bytes``,
    ``model_names``); the depths are what one core has. Stores count blocks.
    """

    clamp_store_used: list[int]
    num_instrs: list[int]
    num_micro_instructions: list[int]
    tensor_ram_used: list[int]
    weight_store_used: list[int]
    clamp_store_depth: int
    tensor_ram_depth: int
    weight_store_depth: int
    input_bytes: list[int]
    output_bytes: list[int]
    model_names: list[str]

    @classmethod
    def _of(cls, values: dict[str, Any]) -> Metrics:
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})

    def _repr_html_(self) -> str:
        stores = (
            (self.weight_store_used, self.weight_store_depth),
            (self.tensor_ram_used, self.tensor_ram_depth),
            (self.clamp_store_used, self.clamp_store_depth),
        )
        rows = [
            [str(core), *(bar(used[core], depth) for used, depth in stores), str(instructions)]
            for core, instructions in enumerate(self.num_instrs)
        ]
        header = ("core", "weight store", "tensor RAM", "clamp store", "instructions")
        return table("What each core uses, in blocks", header, rows)

    def __repr__(self) -> str:
        cores = len(self.num_instrs)
        table = [["", *(f"core {i}" for i in range(cores)), "depth"]]
        for label, used, depth in (
            ("weight store", self.weight_store_used, self.weight_store_depth),
            ("tensor RAM", self.tensor_ram_used, self.tensor_ram_depth),
            ("clamp store", self.clamp_store_used, self.clamp_store_depth),
            ("instructions", self.num_instrs, None),
            ("micro-instructions", self.num_micro_instructions, None),
        ):
            table.append([label, *map(str, used), "" if depth is None else str(depth)])
        models = [["model", "input bytes", "output bytes"]]
        for name, inputs, outputs in zip(
            self.model_names, self.input_bytes, self.output_bytes, strict=True
        ):
            models.append([name, str(inputs), str(outputs)])
        return "\n".join(["Metrics", *lines(table), *lines(models)])
