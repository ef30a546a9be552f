"""Long sequences, many streams at once, and the gateway's memory over many of both."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import examples
import vollo_torch
from nnir_bridge._gateway import current_gateway
from vollo_compiler import Config, Program

STEPS = 100_000
STREAMS = (1, 4, 16, 64)
STREAM_STEPS = 20_000
ROUNDS = 5
ENDURANCE_STEPS = 10_000_000
ENDURANCE_MACHINES = 10_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endurance", action="store_true", help="10 million steps, 10,000 VMs")
    if parser.parse_args().endurance:
        endurance()
    else:
        sequences()


def lstm() -> Program:
    """Return one step of the LSTM example: 2 layers of 256 units, 128 inputs, 16 outputs."""
    module = examples.LstmTagger()
    prepared, _ = vollo_torch.fx.prepare_shape(module, torch.randn(2, 128))
    nnir, _ = vollo_torch.fx.nnir.to_nnir(prepared).streaming_transform(0)
    return nnir.to_program(Config.bittware_ia840f_c3b64())


def sequences() -> None:
    """Print what a step of a sequence takes, for one and for many streams."""
    program = lstm()
    shape = program.model_input_shape()
    print(f"LSTM 2x256, microseconds for a step of one stream, median of {ROUNDS}")
    vm = program.to_vm()
    x = np.random.default_rng(1).standard_normal((STEPS, *shape), np.float32)
    print(f"{'vm.run':44}{per_step(lambda: [vm.run(v) for v in x[:STREAM_STEPS]], STREAM_STEPS)}")
    whole = per_step(lambda: vm.run_timesteps(x, 0, 0), STEPS)
    print(f"{f'run_timesteps, {STEPS:,} steps':44}{whole}")
    for threads in (1, 2):
        for streams in STREAMS:
            many = program.to_vm(num_threads=threads, num_streams=streams)
            steps = STREAM_STEPS // streams
            values = np.broadcast_to(x[:steps, None], (steps, streams, *shape))
            label = f"{streams} streams, {many.num_threads} of {threads} threads"
            micros = per_step(partial(many.run_timesteps, values, 0, 0), steps * streams)
            print(f"{label:44}{micros}", flush=True)


def per_step(work: Callable[[], object], steps: int) -> str:
    """Return the median microseconds of a step, after one round that does not count."""
    micros = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        work()
        micros.append((time.perf_counter() - began) * 1e6 / steps)
    return f"{np.median(micros[1:]):8.2f}"


def endurance() -> None:
    """Print the gateway's memory over many steps and many machines."""
    program = lstm()
    vm = program.to_vm()
    x = np.zeros((STEPS, *program.model_input_shape()), np.float32)
    vm.run_timesteps(x, 0, 0)
    print(f"{'before':30}{resident_mib():8.1f} MiB")
    parts = 10
    for part in tqdm(range(parts), disable=not sys.stderr.isatty()):
        for _ in range(ENDURANCE_STEPS // STEPS // parts):
            vm.run_timesteps(x, 0, 0)
        print(f"{f'{(part + 1) * ENDURANCE_STEPS // parts:,} steps':30}{resident_mib():8.1f} MiB")
    for part in tqdm(range(parts), disable=not sys.stderr.isatty()):
        for _ in range(ENDURANCE_MACHINES // parts):
            program.to_vm().run(x[0])
        done = (part + 1) * ENDURANCE_MACHINES // parts
        print(f"{f'{done:,} machines':30}{resident_mib():8.1f} MiB", flush=True)


def resident_mib() -> float:
    """Return what the gateway has in memory."""
    status = Path(f"/proc/{current_gateway().pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
