"""Tables of models, programs and figures, on terminals and in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["bar", "lines", "table", "text"]

_CELL = "text-align:left;padding:2px 8px"


def text(value: object) -> str:
    """Return a value as the content of a cell."""
    return escape(str(value))


def bar(used: int, depth: int) -> str:
    """Return a cell that shows what is used of what there is."""
    share = min(100.0, 100.0 * used / depth) if depth else 0.0
    color = "#c0392b" if share > 90 else "#2980b9"
    return (
        f'<div style="width:120px;background:#ddd"><div style="width:{share:.1f}%;'
        f'background:{color};white-space:nowrap">&#160;</div></div>{used} / {depth}'
    )


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose cells are HTML already."""
    head = "".join(f'<th style="{_CELL}">{text(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{text(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of text in columns, the first one to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
