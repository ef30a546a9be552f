"""Draws a graph of operators as SVG: inputs above, each operator below what it works on."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Box", "drawing"]

_WIDTH, _HEIGHT = 190, 40
_COLUMN, _ROW = 220, 80
_STYLE = "font-family:sans-serif;font-size:11px"


@dataclass(frozen=True)
class Box:
    """What is drawn of an operator.

    Attributes:
        title: The first line.
        caption: The second line.
        inputs: The boxes that it works on, by number, each before this one.
        is_source: Whether it is an input of the model, a constant or a read of state.
    """

    title: str
    caption: str
    inputs: tuple[int, ...]
    is_source: bool


def drawing(boxes: Sequence[Box]) -> str:
    """Return an SVG element that shows the boxes and what leads from which to which."""
    rows = _rows(boxes)
    places: dict[int, tuple[int, int]] = {}
    filled: defaultdict[int, int] = defaultdict(int)
    for number, row in enumerate(rows):
        places[number] = (filled[row] * _COLUMN + 10, row * _ROW + 10)
        filled[row] += 1
    width = max(filled.values(), default=0) * _COLUMN
    height = (max(rows, default=0) + 1) * _ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="{_STYLE}">'
    ]
    for number, box in enumerate(boxes):
        parts += [_edge(places[source], places[number]) for source in box.inputs]
    parts += [_box(box, *places[number]) for number, box in enumerate(boxes)]
    return "".join([*parts, "</svg>"])


def _rows(boxes: Sequence[Box]) -> list[int]:
    """Each box below all that it works on; sources right above what uses them first."""
    rows: list[int] = []
    for box in boxes:
        rows.append(max((rows[source] + 1 for source in box.inputs), default=0))
    for number in reversed(range(len(boxes))):
        users = [rows[user] for user, box in enumerate(boxes) if number in box.inputs]
        if boxes[number].is_source and users:
            rows[number] = min(users) - 1
    return rows


def _edge(source: tuple[int, int], target: tuple[int, int]) -> str:
    x1, y1 = source[0] + _WIDTH // 2, source[1] + _HEIGHT
    x2, y2 = target[0] + _WIDTH // 2, target[1]
    # A line over several rows bends around the boxes between.
    aside = 0 if y2 - y1 < _ROW else _COLUMN // 2
    return (
        f'<path d="M{x1} {y1} C{x1 + aside} {y1 + 30} {x2 + aside} {y2 - 30} {x2} {y2}" '
        'fill="none" stroke="#888"/>'
    )


def _box(box: Box, x: int, y: int) -> str:
    fill = "#e8f0fe" if box.is_source else "#fef7e0"
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="{fill}" '
        'stroke="#888"/>'
        f'<text x="{x + 8}" y="{y + 16}" font-weight="bold" fill="#000">{_short(box.title)}</text>'
        f'<text x="{x + 8}" y="{y + 32}" fill="#000">{_short(box.caption)}</text>'
    )


def _short(text: str, most: int = 30) -> str:
    return html.escape(text if len(text) <= most else text[: most - 1] + "…")
