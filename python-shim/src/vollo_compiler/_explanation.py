"""Where the cycles of an inference go."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Explanation"]

_UNITS = ("input", "receive", "preload", "matrix", "store", "vector", "send", "output")


class Explanation:
    """Where the cycles of an inference go (an extension); made by :meth:`Program.explain`.

    ``print`` shows it as text; :meth:`to_dict` gives all of it as data; :meth:`plot` draws when
    each unit of each core works on which operator.
    """

    def __init__(self, data: dict[str, Any], text: str) -> None:
        self._data = data
        self._text = text

    @property
    def cycles(self) -> int:
        """The cycles from the first input word to the last output word."""
        cycles: int = self._data["cycles"]
        return cycles

    def to_dict(self) -> dict[str, Any]:
        """Return all figures.

        Returns:
            ``model``, ``spaced``, ``cycles``; ``critical_path``, whose parts (``layer``, ``what``,
            ``core``, ``from``, ``to`` in cycles) follow on each other and fill all cycles;
            ``layers`` with their ``critical_cycles`` and the weight blocks that each core
            multiplies by (``products``); ``cores`` with their units' ``busy`` cycles,
            ``matrix_idle`` as a share and ``stores`` as pairs of blocks used and depth;
            ``if_least``, the cycles if one unit time were at its least; ``timeline``, the spans in
            which a unit works on an operator.
        """
        return dict(self._data)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Explanation({self._data['model']!r}, cycles={self.cycles})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text)}</pre>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the timeline: a row for each unit of each core, cycles to the right.

        The critical path is drawn in outlines.

        Args:
            ax: Where to draw; a new figure when None.

        Returns:
            What it was drawn on.

        Raises:
            ImportError: matplotlib is not installed.
        """
        import matplotlib.pyplot as plt

        spans = self._data["timeline"]
        rows = sorted(
            {(span["core"], span["unit"]) for span in spans},
            key=lambda row: (row[0], _UNITS.index(row[1])),
        )
        if ax is None:
            _, ax = plt.subplots(figsize=(12, 1 + 0.25 * len(rows)), layout="constrained")
        layers = [layer["name"] for layer in self._data["layers"]]
        colours = plt.get_cmap("tab20")
        for index, layer in enumerate(layers):
            drawn = [span for span in spans if span["layer"] == layer]
            for number, span in enumerate(drawn):
                ax.broken_barh(
                    [(span["from"], span["to"] - span["from"])],
                    (rows.index((span["core"], span["unit"])) - 0.4, 0.8),
                    color=colours(index % 20),
                    # A label that begins with an underscore would be left out.
                    label=f" {layer}" if number == 0 else None,
                )
        for part in self._data["critical_path"]:
            row = (part["core"], part["what"])
            if row in rows:
                ax.broken_barh(
                    [(part["from"], part["to"] - part["from"])],
                    (rows.index(row) - 0.45, 0.9),
                    facecolor="none",
                    edgecolor="black",
                )
        ax.set_yticks(range(len(rows)), [f"core {core} {unit}" for core, unit in rows])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(0, self.cycles)
        ax.set_xlabel("cycles")
        ax.set_title(f"{self._data['model']}: {self.cycles} cycles")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
        return ax
