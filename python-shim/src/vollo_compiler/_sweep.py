"""Compiles many models for many boards and compares what comes out."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from nnir_bridge._errors import AllocationError
from nnir_bridge._progress import compilations_bar, is_shown
from vollo_compiler._arguments import boolean
from vollo_compiler._config import Config
from vollo_compiler._nnir import NNIR

__all__ = ["Sweep", "SweepRow", "sweep"]


@dataclass(frozen=True)
class SweepRow:
    """What a model takes of a board; the figures are None where it does not fit.

    Attributes:
        model: Its name.
        config: The board's name.
        fits: Whether it fits.
        reason: Why it does not fit; empty where it does.
        cycles_spaced: Cycles of an inference after idle time.
        cycles_back_to_back: Cycles of an inference right after another.
        compute_us: ``cycles_spaced`` in microseconds.
        host_us: The way to the board and back in microseconds.
        weight_store: The fullest core's share of its weight store, from 0 to 1.
        tensor_ram: The fullest core's share of its tensor RAM.
    """

    model: str
    config: str
    fits: bool
    reason: str
    cycles_spaced: int | None = None
    cycles_back_to_back: int | None = None
    compute_us: float | None = None
    host_us: float | None = None
    weight_store: float | None = None
    tensor_ram: float | None = None


class Sweep(Sequence[SweepRow]):
    """The rows of a sweep, models by boards in the order in which they were given.

    ``print`` shows a table; ``pandas.DataFrame(sweep.to_dicts())`` makes a data frame of it.
    """

    def __init__(self, rows: Sequence[SweepRow]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __iter__(self) -> Iterator[SweepRow]:
        return iter(self._rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return every row as a dict of its attributes."""
        return [asdict(row) for row in self._rows]

    def _cells(self) -> list[list[str]]:
        heading = [
            "model",
            "board",
            "spaced",
            "back to back",
            "compute us",
            "host us",
            "weights",
            "tensors",
        ]
        return [heading, *(_cells(row) for row in self._rows)]

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(len(row[i]) for row in cells if len(row) > i) for i in range(len(cells[0]))]
        lines = []
        for row in cells:
            padded = [
                cell.ljust(width) if i < 2 or len(row) < len(widths) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=False))
            ]
            lines.append("  ".join([*padded, *row[len(widths) :]]).rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Sweep({len(self)} rows, {sum(row.fits for row in self)} fit)"

    def _repr_html_(self) -> str:
        heading, *rows = self._cells()
        columns = len(heading)
        parts = ["<table><tr>", *(f"<th>{cell}</th>" for cell in heading), "</tr>"]
        for row in rows:
            *first, last = row
            parts += ["<tr>", *(f"<td>{html.escape(cell)}</td>" for cell in first)]
            span = f' colspan="{columns - len(first)}"' if len(row) < columns else ""
            parts += [f"<td{span}>{html.escape(last)}</td>", "</tr>"]
        return "".join([*parts, "</table>"])


def _cells(row: SweepRow) -> list[str]:
    if not row.fits:
        return [row.model, row.config, f"does not fit: {row.reason}"]
    return [
        row.model,
        row.config,
        str(row.cycles_spaced),
        str(row.cycles_back_to_back),
        f"{row.compute_us:.2f}",
        f"{row.host_us:.2f}",
        f"{row.weight_store:.0%}",
        f"{row.tensor_ram:.0%}",
    ]


def sweep(
    models: Mapping[str, NNIR | Callable[[], NNIR]],
    configs: Mapping[str, Config],
    *,
    progress: bool | None = None,
    **options: Any,
) -> Sweep:
    """Compile every model for every board (an extension).

    Compilations run side by side, one for each processor.

    Args:
        models: Models by name, or functions that make them, which are called one after another.
        configs: Boards by name.
        progress: Whether a progress bar is shown; None shows it where other compiles show one
            (``nnir_bridge.show_progress``).
        options: What :meth:`NNIR.to_program` takes by name, for every model.

    Returns:
        A row for each model and board; a model that does not fit has a row that says why.

    Raises:
        ValueError: A model is not supported, or there is none or no board.
        TypeError: An option is not known, or a mapping holds something else.

    Example:
        >>> import vollo_compiler
        >>> boards = {"2 cores": vollo_compiler.Config.ip_core(2, 32)}
        >>> vollo_compiler.sweep({}, boards)
        Traceback (most recent call last):
            ...
        ValueError: sweep: no models were given; pass at least one by name
    """
    for name, given in (("models", models), ("configs", configs)):
        if not isinstance(given, Mapping):
            raise TypeError(f"sweep: {name} is a mapping from names, got {given!r}")
        if not given:
            raise ValueError(f"sweep: no {name} were given; pass at least one by name")
    tasks = len(models) * len(configs)
    shown = is_shown() if progress is None else boolean("progress", progress)
    with (
        compilations_bar(tasks, shown) as bar,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        rows: dict[Future[SweepRow], tuple[str, str]] = {}
        for model, made in models.items():
            nnir = made() if callable(made) else made
            if not isinstance(nnir, NNIR):
                raise TypeError(f"sweep: {model} is no NNIR and makes none: {nnir!r}")
            for board, config in configs.items():
                rows[pool.submit(_row, model, nnir, board, config, options)] = (model, board)
        for _ in as_completed(rows):
            bar.update()
    return Sweep([row.result() for row in rows])


def _row(model: str, nnir: NNIR, board: str, config: Config, options: dict[str, Any]) -> SweepRow:
    try:
        program = nnir.to_program(config, model, **options)
    except AllocationError as error:
        return SweepRow(model, board, False, str(error))
    metrics = program.metrics()
    return SweepRow(
        model,
        board,
        True,
        "",
        program.cycle_count_per_inference(),
        program.cycle_count_per_inference(spaced=False),
        program.compute_duration_per_inference_us(),
        program.host_duration_per_inference_us(),
        max(metrics.weight_store_used) / metrics.weight_store_depth,
        max(metrics.tensor_ram_used) / metrics.tensor_ram_depth,
    )
