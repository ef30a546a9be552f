"""Checks of plain arguments at the public edge."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["boolean", "integer", "integers", "is_listed", "listed", "number", "positive"]

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


def boolean(name: str, value: Any) -> bool:
    """Return ``value`` as a bool; 0 and 1 stand for one.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise TypeError(f"{name}: True or False is needed, got {value!r}")


def number(name: str, value: Any) -> float:
    """Return ``value`` as a float.

    Raises:
        TypeError: It is not a real number.
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"{name}: a number is needed, got {value!r}")


def positive(name: str, value: Any) -> float:
    """Return ``value`` as a positive, finite float.

    Raises:
        TypeError: It is not a real number.
        ValueError: It is not positive, or not finite.
    """
    if not 0 < number(name, value) < float("inf"):
        raise ValueError(f"{name}: a positive number is needed, got {value!r}")
    return float(value)


def is_listed(values: Any) -> bool:
    """Tell whether there may be several: a sequence that is no text, or an array with an axis."""
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return isinstance(values, Sequence) and not isinstance(values, (str, bytes))


def listed(name: str, values: Any, least: int = -_LARGEST, most: int = _LARGEST) -> list[int]:
    """Return a sequence of integers as a list of ints within bounds.

    Raises:
        TypeError: It is no sequence, or an element is not an integer.
        ValueError: An element is out of bounds.
    """
    if not is_listed(values):
        raise TypeError(f"{name}: a sequence of integers is needed, got {values!r}")
    return [integer(f"{name}[{i}]", value, least, most) for i, value in enumerate(values)]


def integers(name: str, values: Any, count: int, each: str) -> list[int]:
    """Return one int for each of ``count`` things; a lone int is for a lone thing."""
    numbers = listed(name, values) if is_listed(values) else [integer(name, values)]
    if len(numbers) != count:
        raise ValueError(f"{name}: {count} needed, one for each {each}, got {len(numbers)}")
    return numbers
