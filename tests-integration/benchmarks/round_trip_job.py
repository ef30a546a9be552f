"""``vm.run`` on an identity model, and a process from its start to its first result, timed."""

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

from vollo_compiler import VM

T = TypeVar("T")

VALUES = 128
CLOSE_CALLS = 50_000
PAUSED_CALLS = 300
PAUSE_SECONDS = 0.01
STARTS = 5

FIRST_RESULT = """
import sys
sys.path.insert(0, {models!r})
import numpy as np
import small_models
small_models.identity_vm({values}).run(np.zeros({values}, np.float32))
"""


def main() -> None:
    """Measure and print a table of microseconds."""
    vm = small_models.identity_vm(VALUES)
    call_times(vm, CLOSE_CALLS, 0.0, "warm-up")
    rows = [
        ("back-to-back", call_times(vm, CLOSE_CALLS, 0.0, "back-to-back")),
        ("after 10 ms pauses", call_times(vm, PAUSED_CALLS, PAUSE_SECONDS, "paused")),
        ("python start to first result", start_times()),
    ]
    print(f"vm.run of {VALUES} float32 values, identity model; microseconds")
    print(f"{'':30}{'median':>12}{'p99':>12}{'calls':>8}")
    for label, micros in rows:
        median, p99 = np.percentile(micros, [50, 99])
        print(f"{label:30}{median:12,.1f}{p99:12,.1f}{len(micros):8,}")


def call_times(vm: VM, calls: int, pause: float, label: str) -> npt.NDArray[np.float64]:
    """Return how long each call took, in microseconds."""
    x = np.random.default_rng(1).random(VALUES, dtype=np.float32)
    nanos = np.empty(calls)
    for i in progress(range(calls), label):
        if pause:
            time.sleep(pause)
        began = time.perf_counter_ns()
        vm.run(x)
        nanos[i] = time.perf_counter_ns() - began
    return nanos / 1000


def start_times() -> npt.NDArray[np.float64]:
    """Return how long a new process took to its end with one result, in microseconds."""
    script = FIRST_RESULT.format(models=sys.path[0], values=VALUES)
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
