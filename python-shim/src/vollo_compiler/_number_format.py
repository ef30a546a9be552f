"""The formats of run-time values."""

from __future__ import annotations

from enum import Enum

__all__ = ["NumberFormat"]


class NumberFormat(Enum):
    """The format in which an input or output crosses to the machine.

    Calling a format gives it back, so that ``context.number_format_bf16`` of ``vollo_rt`` may be
    written with and without parentheses.
    """

    BF16 = "BF16"
    FP32 = "FP32"

    def __call__(self) -> NumberFormat:
        """Return the format itself."""
        return self

    def __repr__(self) -> str:
        return f"NumberFormat.{self.name}"
