"""The estimates of all published models, their errors, and the fit of the unit times."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent))

import vollo_compiler
from families import Row, nnir_of, published_rows
from measured import Measured, measured, program_of

__all__ = ["Estimate", "Spread", "estimates", "fit", "left_out_table", "row_table", "spread_table"]

FABRICS = {"versal": "amd_v80_c6b32", "agilex": "bittware_ia420f_c6b32"}

# What is fitted, and where each search begins. The queue depth and the least interval between
# product instructions follow from back-to-back counts of convolutions alone; input and output
# latency only show as their sum.
START = {
    "matrix_latency": 25,
    "store_latency": 4,
    "fold_interval": 5,
    "lstm_latency": 10,
    "link_latency": 10,
    "input_latency": 26,
}
ROUNDS = 4
STEPS = (-3, -1, 1, 3)
# An error above this, as a fraction, weighs three times.
TOLERATED = 0.06


@dataclass(frozen=True)
class Estimate:
    """The estimate for a published row; without cycles where the model does not fit the board."""

    row: Row
    cycles: tuple[int, int] | None

    @property
    def status_is_right(self) -> bool:
        """Whether the model fits here if and only if the published one does."""
        return (self.cycles is not None) == self.row.fits

    @property
    def errors(self) -> tuple[float, float]:
        """The relative errors of the spaced and the back-to-back cycles."""
        assert self.cycles is not None
        return (
            self.cycles[0] / self.row.spaced - 1,
            self.cycles[1] / self.row.back_to_back - 1,
        )


@dataclass(frozen=True)
class Spread:
    """How absolute errors are spread, in percent."""

    median: float
    ninetieth: float
    worst: float

    @staticmethod
    def of(errors: Iterable[float]) -> Spread:
        """Sum up relative errors; the 90th percentile is the nearest rank."""
        percent = sorted(100 * abs(error) for error in errors)
        rank = -(-9 * len(percent) // 10) - 1
        return Spread(statistics.median(percent), percent[rank], percent[-1])


@cache
def _nnir(family: str, case: str) -> vollo_compiler.NNIR:
    return nnir_of(
        next(row for row in published_rows() if (row.family, row.case) == (family, case))
    )


def _board(row: Row, timing: Mapping[str, int]) -> vollo_compiler.Config:
    board: vollo_compiler.Config = getattr(vollo_compiler.Config, row.preset)()
    board.timing = {**board.timing, **timing}
    return board


def compile_row(row: Row, timing: Mapping[str, int]) -> vollo_compiler.Program | None:
    """Compile a published model for its board; None when it does not fit."""
    try:
        return _nnir(row.family, row.case).to_program(
            _board(row, timing), allow_dynamic_weights=True
        )
    except vollo_compiler.AllocationError:
        return None


def _cycles(program: vollo_compiler.Program) -> tuple[int, int]:
    return (
        program.cycle_count_per_inference(),
        program.cycle_count_per_inference(spaced=False),
    )


def estimates(rows: Sequence[Row], timing: Mapping[str, int] | None = None) -> list[Estimate]:
    """Compile the models of rows and estimate their cycles.

    Args:
        rows: Published rows.
        timing: Unit times in place of the boards' own.
    """
    found = []
    for row in tqdm(rows, desc="compiling", disable=None):
        program = compile_row(row, timing or {})
        found.append(Estimate(row, None if program is None else _cycles(program)))
    return found


def replace_counts(estimate: Estimate) -> Row:
    """The row with the estimate in the place of the published counts."""
    assert estimate.cycles is not None
    return replace(
        estimate.row, spaced=estimate.cycles[0], back_to_back=estimate.cycles[1], fits=True
    )


def row_table(found: Sequence[Estimate]) -> list[str]:
    """A line for every row."""
    lines = [
        "| family | board | model | published, spaced | estimate | error "
        "| published, back to back | estimate | error |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for estimate in found:
        row = estimate.row
        place = f"| {row.family} | {row.preset} | {row.case.replace(';', ', ')} "
        if estimate.cycles is None or not row.fits:
            published = "fits" if row.fits else "does not fit"
            own = "does not fit" if estimate.cycles is None else "fits"
            lines.append(f"{place}| {published} | {own} | | | | |")
            continue
        spaced, back_to_back = estimate.errors
        lines.append(
            f"{place}| {row.spaced} | {estimate.cycles[0]} | {100 * spaced:+.1f}% "
            f"| {row.back_to_back} | {estimate.cycles[1]} | {100 * back_to_back:+.1f}% |"
        )
    return lines


def spread_table(found: Sequence[Estimate]) -> list[str]:
    """The spread of the errors, by family and in all."""
    lines = [
        "| family | rows | spaced: median | 90th percentile | worst "
        "| back to back: median | 90th percentile | worst |",
        "|---|---|---|---|---|---|---|---|",
    ]
    fitting = [estimate for estimate in found if estimate.cycles is not None and estimate.row.fits]
    families = sorted({estimate.row.family for estimate in fitting})
    for name, chosen in [
        *((family, [e for e in fitting if e.row.family == family]) for family in families),
        ("all", fitting),
    ]:
        lines.append(f"| {name} | {len(chosen)} {_spreads(chosen)}")
    return lines


def _spreads(found: Sequence[Estimate]) -> str:
    cells = ""
    for index in (0, 1):
        spread = Spread.of(estimate.errors[index] for estimate in found)
        cells += f"| {spread.median:.1f}% | {spread.ninetieth:.1f}% | {spread.worst:.1f}% "
    return cells + "|"


class _Fit:
    """A search for the unit times of a fabric that bring estimates closest to published counts.

    Programs stay as they were compiled for the times that it starts from.
    """

    def __init__(self, rows: Sequence[Row], start: Mapping[str, int]) -> None:
        self._start = start
        self._compiled = [
            (row, program)
            for row in rows
            if row.fits and (program := compile_row(row, start)) is not None
        ]
        self._known: dict[tuple[int, ...], float] = {}

    def search(self) -> dict[str, int]:
        """Change one time, or two against each other, for as long as that helps."""
        best = dict(self._start)
        moved = True
        while moved:
            moved = False
            for change in self._changes():
                candidate = {name: best[name] + change.get(name, 0) for name in best}
                if min(candidate.values()) >= 1 and self.cost(candidate) < self.cost(best):
                    best, moved = candidate, True
        return best

    @staticmethod
    def _changes() -> list[dict[str, int]]:
        single = [{name: step} for name in START for step in STEPS]
        double = [{up: 1, down: -1} for up in START for down in START if up != down]
        return single + double

    def cost(self, timing: Mapping[str, int]) -> float:
        """The mean error, each family weighing the same; large errors weigh more."""
        key = tuple(timing[name] for name in START)
        if key not in self._known:
            costs: dict[str, list[float]] = {}
            for row, program in self._compiled:
                estimate = Estimate(row, _cycles(program.with_timing(timing)))
                costs.setdefault(row.family, []).extend(
                    abs(error) + 2 * max(0.0, abs(error) - TOLERATED) for error in estimate.errors
                )
            means = [statistics.fmean(of_family) for of_family in costs.values()]
            self._known[key] = statistics.fmean(means)
        return self._known[key]


def fit(rows: Sequence[Row], fabric: str) -> dict[str, int]:
    """Fit the unit times of a fabric's boards to published rows.

    What is found decides where a compiler places work, so that the search is done again.
    """
    of_fabric = [row for row in rows if _fabric(row) == fabric]
    tried: dict[tuple[int, ...], float] = {}
    timing: Mapping[str, int] = START
    for _ in range(ROUNDS):
        search = _Fit(of_fabric, timing)
        tried[tuple(timing.values())] = search.cost(timing)
        timing = search.search()
        if tuple(timing.values()) in tried:
            break
    best = min(tried, key=lambda values: tried[values])
    return dict(zip(START, best, strict=True))


def _fabric(row: Row) -> str:
    board: vollo_compiler.Config = getattr(vollo_compiler.Config, row.preset)()
    return board.fabric


def left_out_table(rows: Sequence[Row]) -> list[str]:
    """For each family the errors on it with unit times that were fitted to the others alone."""
    lines = [
        "| left out | spaced: median | 90th percentile | worst "
        "| back to back: median | 90th percentile | worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for family in tqdm(sorted({row.family for row in rows}), desc="leaving out", disable=None):
        others = [row for row in rows if row.family != family]
        found: list[Estimate] = []
        for fabric in FABRICS:
            timing = fit(others, fabric)
            left_out = [
                row for row in rows if row.family == family and row.fits and _fabric(row) == fabric
            ]
            found += estimates(left_out, timing)
        lines.append(f"| {family} {_spreads(found)}")
    return lines


def latency_table() -> list[str]:
    """Published latencies on boards, host transfer included, and the estimates of their parts."""
    lines = [
        "| model | board | measured, us | estimate, us | error | compute | host |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, program in tqdm(compiled_as_measured(), desc="compiling", disable=None):
        place = f"| {row.name} | {row.board} "
        if program is None or row.micros is None:
            published = "does not fit" if row.micros is None else row.micros
            own = "does not fit" if program is None else "fits"
            lines.append(f"{place}| {published} | {own} | | | |")
            continue
        compute = program.compute_duration_per_inference_us()
        host = program.host_duration_per_inference_us()
        error = 100 * latency_error(row, program)
        lines.append(
            f"{place}| {row.micros} | {compute + host:.2f} | {error:+.1f}% "
            f"| {compute:.2f} | {host:.2f} |"
        )
    return lines


@cache
def compiled_as_measured() -> tuple[tuple[Measured, vollo_compiler.Program | None], ...]:
    """Compile every model with a published latency; None where it does not fit."""
    compiled: list[tuple[Measured, vollo_compiler.Program | None]] = []
    for row in measured():
        try:
            compiled.append((row, program_of(row)))
        except vollo_compiler.AllocationError:
            compiled.append((row, None))
    return tuple(compiled)


def latency_error(row: Measured, program: vollo_compiler.Program) -> float:
    """The relative error of compute and host transfer together."""
    assert row.micros is not None
    compute = program.compute_duration_per_inference_us()
    return (compute + program.host_duration_per_inference_us()) / row.micros - 1


def own_timing() -> dict[str, dict[str, int]]:
    """The unit times of the boards of each fabric."""
    return {
        fabric: dict(getattr(vollo_compiler.Config, preset)().timing)
        for fabric, preset in FABRICS.items()
    }


def timing_table(fitted: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Unit times, a column for each fabric."""
    lines = ["| parameter | " + " | ".join(fitted) + " |", "|---" * (len(fitted) + 1) + "|"]
    for name in next(iter(fitted.values())):
        lines.append(f"| `{name}` | " + " | ".join(str(t[name]) for t in fitted.values()) + " |")
    return lines


def main(arguments: Sequence[str]) -> None:
    """Print the tables, those of the fit where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="also fit the unit times")
    options = parser.parse_args(arguments)
    rows = published_rows()
    found = estimates(rows)
    tables = (row_table(found), spread_table(found), timing_table(own_timing()), latency_table())
    for table in tables:
        print("\n".join(table), end="\n\n")
    if options.fit:
        fitted = {fabric: fit(rows, fabric) for fabric in FABRICS}
        print("\n".join(timing_table(fitted)), end="\n\n")
        print("\n".join(left_out_table(rows)))


if __name__ == "__main__":
    main(sys.argv[1:])
