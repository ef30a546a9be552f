"""The formats of run-time values."""

from __future__ import annotations

from enum import Enum

__all__ = ["NumberFormat"]


class NumberFormat(Enum):
    """The format in which an input or output crosses to the machine."""

    BF16 = "BF16"
    FP32 = "FP32"

    def __repr__(self) -> str:
        return f"NumberFormat.{self.name}"
