"""Times of a script to its first result and of one inference: ``python round_trip.py``.

Run it in the environment and with the variables that ``bootstrap.py`` describes, or with an
installed package.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import numpy.typing as npt
import torch

import vollo_torch
from vollo_compiler import VM, Config

FIRST_RESULT = """
import torch, vollo_torch
from vollo_compiler import Config
model, x = torch.nn.Linear(128, 128), torch.zeros(128)
prepared, _ = vollo_torch.fx.prepare_shape(model, x)
program = vollo_torch.fx.nnir.to_nnir(prepared).to_program(Config.bittware_ia420f_c6b32())
program.to_vm().run(x.numpy())
"""


def main() -> None:
    """Measure and print."""
    for title, code in (("import torch alone", "import torch"), ("first result", FIRST_RESULT)):
        seconds = [script_seconds(code) for _ in range(5)]
        print(f"{title}: median {sorted(seconds)[2]:.2f} s, fastest {min(seconds):.2f} s")
    vm, x = identity()
    report("back to back", run_micros(vm, x, count=20_000, pause_seconds=0.0))
    report("after pauses of 10 ms", run_micros(vm, x, count=500, pause_seconds=0.01))


def script_seconds(code: str) -> float:
    """Return how long a script takes from its start to its end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def identity() -> tuple[VM, npt.NDArray[np.float32]]:
    """Return a model that passes 128 values through, and values for it."""
    prepared, _ = vollo_torch.fx.prepare_shape(torch.nn.Identity(), torch.zeros(128))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    program = nnir.to_program(Config.bittware_ia420f_c6b32())
    return program.to_vm(), np.linspace(-1, 1, 128, dtype=np.float32)


def run_micros(
    vm: VM, x: npt.NDArray[np.float32], count: int, pause_seconds: float
) -> npt.NDArray[np.float64]:
    """Return the durations of inferences in microseconds, after some to warm up."""
    for _ in range(2_000):
        vm.run(x)
    durations = np.empty(count)
    for i in range(count):
        if pause_seconds:
            time.sleep(pause_seconds)
        started = time.perf_counter_ns()
        vm.run(x)
        durations[i] = (time.perf_counter_ns() - started) / 1000
    return durations


def report(title: str, micros: npt.NDArray[np.float64]) -> None:
    """Print median and 99th percentile."""
    median, high = np.percentile(micros, [50, 99])
    print(f"vm.run, {title}: median {median:.1f} us, p99 {high:.1f} us")


if __name__ == "__main__":
    main()
