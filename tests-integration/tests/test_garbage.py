"""A gateway that runs steps gives its garbage collector nothing to do."""

import os
import subprocess
import sys

import pytest
import torch

import vollo_torch
from vollo_compiler import Config

SCRIPT = """
import sys
import numpy as np
from vollo_compiler import Program

path, log = sys.argv[1:3]
streams, threads, steps = map(int, sys.argv[3:])
program = Program.load(path)
vm = program.to_vm(num_streams=streams, num_threads=threads)
random = np.random.default_rng(1)
step = random.standard_normal((streams, *program.model_input_shape()), np.float32)

def collections():
    for _ in range(steps):
        vm.run(step)
    with open(log) as lines:
        return sum("Pause Young" in line for line in lines)

counts = [collections()]
# The JIT compiler may be late on a busy machine.
while len(counts) < 2 or counts[-1] > counts[-2] and len(counts) < 8:
    counts.append(collections())
print(counts[0], counts[-1] - counts[-2])
"""


class Recurrent(torch.nn.Module):
    def __init__(self, features):
        super().__init__()
        self.lstm = vollo_torch.nn.LSTM(features, features)
        self.fc = torch.nn.Linear(features, 8)

    def forward(self, x):
        return self.fc(self.lstm(x))


def to_nnir(features, steps):
    torch.manual_seed(2)
    model, _ = vollo_torch.fx.prepare_shape(Recurrent(features), torch.randn(steps, features))
    return vollo_torch.fx.nnir.to_nnir(model)


@pytest.mark.parametrize(("features", "streams", "steps"), [(960, 1, 1000), (200, 12, 3000)])
def test_a_step_makes_no_objects(features, streams, steps, tmp_path):
    nnir, _ = to_nnir(features, 5).streaming_transform(0)
    assert collections(nnir, tmp_path, streams, 1, steps) == 0


def test_a_whole_sequence_on_two_threads_makes_no_objects(tmp_path):
    assert collections(to_nnir(256, 20), tmp_path, 1, 2, 3000) == 0


def collections(nnir, directory, *sizes):
    """Count the collections of a gateway's garbage during the last steps."""
    path, log = directory / "model.vollo", directory / "collections.log"
    nnir.to_program(Config.amd_v80_c6b32()).save(path)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, log, *map(str, sizes)],
        env={**os.environ, "NNIR_BRIDGE_JAVA_OPTIONS": f"-XX:MaxNewSize=4m -Xlog:gc:file={log}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, last = map(int, done.stdout.split())
    # The interpreter makes objects of vectors, until the JIT compiler has the kernels.
    assert first > 0
    return last
