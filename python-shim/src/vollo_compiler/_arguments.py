"""Checks of plain arguments at the public edge."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

__all__ = ["integer", "integers"]

_LARGEST = 2**31 - 1


def integer(name: str, value: Any, least: int = -_LARGEST, most: int = _LARGEST) -> int:
    """Return ``value`` as an int within bounds.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is out of bounds.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: an integer is needed, got {value!r}") from None
    if not least <= number <= most:
        raise ValueError(f"{name}: {number} is not from {least} to {most}")
    return number


def integers(name: str, values: Any, count: int, each: str) -> list[int]:
    """Return one int for each of ``count`` things; a lone int is for a lone thing."""
    if isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
        numbers = [integer(f"{name}[{i}]", value) for i, value in enumerate(values)]
    else:
        numbers = [integer(name, values)]
    if len(numbers) != count:
        raise ValueError(f"{name}: {count} needed, one for each {each}, got {len(numbers)}")
    return numbers
