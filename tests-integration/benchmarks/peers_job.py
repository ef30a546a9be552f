"""Times the virtual machine and its peers in this process, interleaved, with one thread count.

``peers.py`` starts it with the environment that sets the number of threads.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import logging
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from contenders import BFLOAT16, FLOAT32, VM, VM_RUN, Contender, Maker, makers, tune_inductor
from numpy_steps import Array
from round_trip_job import progress
from torch_steps import matrix_vector
from workloads import Workload, all_workloads

CHECKED_STEPS = 4
TOLERANCES = {VM: 3e-2, FLOAT32: 1e-4, BFLOAT16: 3e-2}
"""The largest difference to float64 that is let pass, relative to the largest output."""


@dataclass(frozen=True)
class Effort:
    """How long each contender is run.

    Attributes:
        warm_up: Seconds before anything is timed, until compilers at run time have settled.
        rounds: How often each contender has its turn.
        settle: Seconds of each turn that are not timed, while caches fill.
        timed: Seconds of each turn that are timed.
    """

    warm_up: float
    rounds: int
    settle: float
    timed: float


# How long to sleep, in seconds, before looking whether other threads still spin, and how often.
NAP = 0.02
MOST_NAPS = 50

FULL = Effort(2.0, 50, 0.060, 0.010)
QUICK = Effort(1.0, 10, 0.060, 0.010)


@dataclass(frozen=True)
class Timing:
    """What one contender took: microseconds a step, one value for each of its turns."""

    name: str
    group: str
    max_error: float
    micros: list[float]


def main() -> None:
    """Time what the arguments ask for and write a JSON document."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--workloads", nargs="*", default=[])
    parser.add_argument("--contenders", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tune_inductor()
    logging.disable(logging.ERROR)  # of the peers' compilers; what cannot be made is reported
    warnings.simplefilter("ignore")
    results = []
    for workload in all_workloads():
        if arguments.workloads and not any(part in workload.name for part in arguments.workloads):
            continue
        torch.compiler.reset()  # which keeps only so many compilations of one function
        chosen = {
            name: maker
            for name, maker in makers(workload, arguments.threads).items()
            if name == VM_RUN or re.search(arguments.contenders, name)
        }
        timings, missing = compare(workload, chosen, QUICK if arguments.quick else FULL)
        results.append(
            {
                "workload": workload.name,
                "contenders": [asdict(timing) for timing in timings],
                "missing": missing,
            }
        )
    arguments.output.write_text(json.dumps({"versions": versions(), "results": results}))


def compare(
    workload: Workload, all_makers: dict[str, Maker], effort: Effort
) -> tuple[list[Timing], dict[str, str]]:
    """Make, check and time contenders.

    Returns:
        The timings, and for each contender that cannot be made here the reason.

    Raises:
        ValueError: A contender computes something else.
    """
    missing: dict[str, str] = {}
    ready: dict[str, Contender] = {}
    errors: dict[str, float] = {}
    inputs = workload.inputs(CHECKED_STEPS)
    expected = reference(workload, inputs)
    for name in progress(list(all_makers), f"{workload.name}: making"):
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                contender = all_makers[name]()
                outputs = [_checked_step(contender, x) for x in inputs]
        except Exception as error:
            if name == VM_RUN:
                raise
            first_line, *_ = [*str(error).strip().splitlines(), ""]
            missing[name] = f"{type(error).__name__}: {first_line}"
            continue
        errors[name] = _relative_error(outputs, expected)
        if not errors[name] <= TOLERANCES[contender.group]:
            raise ValueError(
                f"{workload.name}: {name} differs from float64 by {errors[name]:.1e} of the "
                f"largest output; at most {TOLERANCES[contender.group]:.0e} was expected"
            )
        ready[name] = contender
    with torch.inference_mode():
        micros = interleaved(
            {name: _call(contender, inputs[0]) for name, contender in ready.items()},
            effort,
            workload.name,
        )
    timings = [
        Timing(name, contender.group, errors[name], micros[name])
        for name, contender in ready.items()
    ]
    return timings, missing


def reference(workload: Workload, inputs: Sequence[Array]) -> list[Array]:
    """Return the outputs of steps in float64."""
    step = copy.deepcopy(workload.products(matrix_vector)).double()
    states = [torch.zeros(shape, dtype=torch.float64) for shape in step.state_shapes]
    outputs = []
    with torch.no_grad():
        for x in inputs:
            y, *states = step(torch.from_numpy(x).double(), *states)
            outputs.append(y.numpy())
    return outputs


def interleaved(
    calls: dict[str, Callable[[], Any]], effort: Effort, label: str
) -> dict[str, list[float]]:
    """Return the microseconds of a call, one value for each round, in which all have a turn."""
    counts = {name: _calls_within(effort.timed, call, effort) for name, call in calls.items()}
    micros: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    shuffle = random.Random(1).shuffle
    for _ in progress(range(effort.rounds), f"{label}: timing"):
        shuffle(order)
        for name in order:
            call = calls[name]
            _wait_until_quiet()
            _run_for(effort.settle, call)
            began = time.perf_counter_ns()
            for _ in range(counts[name]):
                call()
            micros[name].append((time.perf_counter_ns() - began) / counts[name] / 1000)
    return micros


def _wait_until_quiet() -> None:
    """Sleep until no thread of this process computes: OpenBLAS's spin for 100 ms after a call."""
    for _ in range(MOST_NAPS):
        began = time.process_time()
        time.sleep(NAP)
        if time.process_time() - began < NAP / 10:
            return


def _calls_within(seconds: float, call: Callable[[], Any], effort: Effort) -> int:
    _run_for(effort.warm_up, call)
    calls = 10
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return max(2, int(seconds * calls / (time.perf_counter() - began)))


def _run_for(seconds: float, call: Callable[[], Any]) -> None:
    end = time.perf_counter() + seconds
    call()
    while time.perf_counter() < end:
        call()


def _checked_step(contender: Contender, x: Array) -> Array:
    with torch.inference_mode():
        return contender.result(contender.step(contender.convert(x)))


def _call(contender: Contender, x: Array) -> Callable[[], Any]:
    step, converted = contender.step, contender.convert(x)
    return lambda: step(converted)


def _relative_error(outputs: Sequence[Array], expected: Sequence[Array]) -> float:
    pairs = list(zip(outputs, expected, strict=True))
    largest = max(np.abs(want).max() for want in expected)
    return float(
        max(np.abs(got.reshape(-1) - want.reshape(-1)).max() for got, want in pairs) / largest
    )


def versions() -> dict[str, str]:
    """Return what was run."""
    found = {"python": sys.version.split()[0], "torch": torch.__version__, "numpy": np.__version__}
    try:
        import onnxruntime

        found["onnxruntime"] = onnxruntime.__version__
    except ImportError:
        pass
    return found


if __name__ == "__main__":
    main()
