"""``vm.run`` with and without pauses, and a process from its start to its first result, timed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gateway"))

import small_models

from sequences_job import lstm
from vollo_compiler import VM

T = TypeVar("T")

VALUES = 128
CLOSE_CALLS = 50_000
PAUSED_CALLS = 300
STARTS = 5

# A pause in which the caller computes something else, and one in which it sleeps.
BUSY_SECONDS = 50e-6
PAUSE_SECONDS = 0.01

FIRST_RESULT = """
import sys
sys.path.insert(0, {models!r})
import numpy as np
import small_models
small_models.identity_vm({values}).run(np.zeros({values}, np.float32))
"""


def main() -> None:
    """Measure and print a table of microseconds."""
    rows = []
    for model, vm in (
        ("identity", small_models.identity_vm(VALUES)),
        ("LSTM 2x256", lstm().to_vm()),
    ):
        call_times(vm, CLOSE_CALLS, 0.0, "warm-up")
        for label, calls, pause in (
            ("back-to-back", CLOSE_CALLS, 0.0),
            ("after 50 us of other work", CLOSE_CALLS, BUSY_SECONDS),
            ("after 10 ms pauses", PAUSED_CALLS, PAUSE_SECONDS),
        ):
            rows.append((f"{model}, {label}", call_times(vm, calls, pause, label)))
    rows.append(("python start to first result", start_times()))
    print(f"vm.run of {VALUES} float32 values; microseconds")
    print(f"{'':40}{'median':>12}{'p99':>12}{'calls':>8}")
    for label, micros in rows:
        median, p99 = np.percentile(micros, [50, 99])
        print(f"{label:40}{median:12,.1f}{p99:12,.1f}{len(micros):8,}")


def call_times(vm: VM, calls: int, pause: float, label: str) -> npt.NDArray[np.float64]:
    """Return how long each call took, in microseconds."""
    x = np.random.default_rng(1).random(VALUES, dtype=np.float32)
    nanos = np.empty(calls)
    for i in progress(range(calls), label):
        if pause == PAUSE_SECONDS:
            time.sleep(pause)
        else:
            end = time.perf_counter() + pause
            while time.perf_counter() < end:
                pass
        began = time.perf_counter_ns()
        vm.run(x)
        nanos[i] = time.perf_counter_ns() - began
    return nanos / 1000


def start_times() -> npt.NDArray[np.float64]:
    """Return how long a new process took to its end with one result, in microseconds."""
    script = FIRST_RESULT.format(models=str(Path(small_models.__file__).parent), values=VALUES)
    micros = np.empty(STARTS)
    for i in progress(range(STARTS), "starts"):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True)
        micros[i] = (time.perf_counter() - began) * 1e6
    return micros


def progress(items: Sequence[T], label: str) -> Iterable[T]:
    """Show a bar on a terminal only."""
    hidden = not sys.stderr.isatty()
    bar: Iterable[T] = tqdm(items, desc=label, leave=False, disable=hidden, mininterval=0.5)
    return bar


if __name__ == "__main__":
    main()
