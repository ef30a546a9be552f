"""The documented accuracy is what is measured."""

import numpy as np
import pytest

import accuracy_job
import bootstrap

NUMERICS = (bootstrap.ROOT / "docs" / "numerics.md").read_text(encoding="utf-8")
SAMPLE = accuracy_job.finite_bf16()[::16]


def documented(name):
    """Return the figures of a function's row."""
    rows = [line.split("|")[1:-1] for line in NUMERICS.split("## 9.")[1].splitlines()]
    (row,) = [cells for cells in rows if cells and cells[0].strip() == name]
    worst, worst_at, misrounded, worst_bf16 = (float(cell) for cell in row[1:])
    return accuracy_job.Errors(worst, worst_at, int(misrounded), worst_bf16)


def test_every_function_of_the_machine_has_its_exact_definition():
    assert list(accuracy_job.EXACT) == list(accuracy_job.functions())


@pytest.mark.parametrize("name", accuracy_job.functions())
def test_the_worst_error_of_a_function_is_the_documented_one(name):
    row = documented(name)
    function = accuracy_job.functions()[name]
    at_worst = accuracy_job.function_errors(name, function, np.float32([row.worst_at]))
    assert f"{at_worst.worst:.2f}" == f"{row.worst:.2f}"
    sample = accuracy_job.function_errors(name, function, SAMPLE)
    assert round(sample.worst, 2) <= row.worst
    assert round(sample.worst_bf16, 3) <= row.worst_bf16
    assert sample.misrounded <= row.misrounded


@pytest.mark.parametrize(
    "table", [accuracy_job.sum_table, accuracy_job.operator_table, accuracy_job.lstm_table]
)
def test_a_table_is_the_documented_one(table):
    assert "\n".join(table()) in NUMERICS


def test_wrong_results_show():
    def off_by_a_step(x):
        return np.nextafter(np.sqrt(x), np.float32(np.inf))

    def off_by_more(x):
        return np.sqrt(x) * np.float32(1.002)

    assert 1 <= accuracy_job.function_errors("sqrt", off_by_a_step, SAMPLE).worst <= 1.5
    assert accuracy_job.function_errors("sqrt", off_by_more, SAMPLE).misrounded > 100
    overflown = accuracy_job.function_errors("exp", lambda x: x + np.inf, np.float32([1.0]))
    assert overflown.worst == np.inf


@pytest.mark.parametrize("tail", [-1, 0, 1])
def test_nearest_bf16_looks_beyond_a_double(tail):
    tie = 1 + 2.0**-8
    exact = accuracy_job.Exact(np.array([tie]), np.array([tail * 2.0**-90]))
    expected = 1 + 2.0**-7 if tail > 0 else 1.0
    assert exact.rounded_to_bf16() == [np.float32(expected)]
