"""The estimate meets the published cycle counts, and the document shows how closely."""

import pytest

import bootstrap
import calibrate_job
from families import published_rows

DOCUMENT = (bootstrap.ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found():
    return calibrate_job.estimates(published_rows())


def test_every_published_model_fits_or_does_not_as_published(found):
    assert [estimate.row for estimate in found if not estimate.status_is_right] == []
    assert len(found) == 96


@pytest.mark.parametrize("kind", [0, 1], ids=["spaced", "back to back"])
def test_the_errors_are_within_the_limits(found, kind):
    errors = [estimate.errors[kind] for estimate in found if estimate.row.fits]
    spread = calibrate_job.Spread.of(errors)
    assert spread.median <= 3
    assert spread.ninetieth <= 8
    assert spread.worst <= 15


def test_the_document_shows_what_is_estimated(found):
    assert "\n".join(calibrate_job.row_table(found)) in DOCUMENT
    assert "\n".join(calibrate_job.spread_table(found)) in DOCUMENT


def test_the_document_shows_the_unit_times_of_the_boards():
    assert "\n".join(calibrate_job.timing_table(calibrate_job.own_timing())) in DOCUMENT


def test_measured_latencies_are_met_when_the_way_to_the_host_is_added():
    for row, program in calibrate_job.compiled_as_measured():
        assert (program is None) == (row.micros is None), row
        if program is not None:
            assert abs(calibrate_job.latency_error(row, program)) <= 0.15, row
    assert "\n".join(calibrate_job.latency_table()) in DOCUMENT


def test_a_fit_finds_the_times_that_made_the_counts():
    """On counts of our own making the search comes back to where they were made."""
    rows = [row for row in published_rows() if row.family == "slp" and "v80" in row.preset]
    truth = {**calibrate_job.START, "matrix_latency": calibrate_job.START["matrix_latency"] + 3}
    made = [
        calibrate_job.replace_counts(estimate) for estimate in calibrate_job.estimates(rows, truth)
    ]
    fitted = calibrate_job.fit(made, "versal")
    again = calibrate_job.estimates(made, fitted)
    assert max(abs(error) for estimate in again for error in estimate.errors) < 0.01
