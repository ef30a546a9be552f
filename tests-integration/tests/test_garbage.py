"""A gateway that runs steps gives its garbage collector nothing to do."""

import os
import subprocess
import sys

import pytest
import torch

import vollo_torch
from vollo_compiler import Config

# On a busy machine the JIT compiler may come to code that still makes objects.
ATTEMPTS = 3

SCRIPT = """
import sys
import numpy as np
from vollo_compiler import Program

path, log, streams, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
program = Program.load(path)
vm = program.to_vm(num_streams=streams, num_threads=1)
random = np.random.default_rng(1)
step = random.standard_normal((streams, *program.model_input_shape()), np.float32)

def collections():
    for _ in range(steps):
        vm.run(step)
    with open(log) as lines:
        return sum("Pause Young" in line for line in lines)

before = collections()
print(before, collections() - before)
"""


class Recurrent(torch.nn.Module):
    def __init__(self, features):
        super().__init__()
        self.lstm = vollo_torch.nn.LSTM(features, features)
        self.fc = torch.nn.Linear(features, 8)

    def forward(self, x):
        return self.fc(self.lstm(x))


@pytest.mark.parametrize(("features", "streams", "steps"), [(960, 1, 1000), (200, 12, 3000)])
def test_a_step_makes_no_objects(features, streams, steps, tmp_path):
    torch.manual_seed(2)
    model, _ = vollo_torch.fx.prepare_shape(Recurrent(features), torch.randn(5, features))
    nnir, _ = vollo_torch.fx.nnir.to_nnir(model).streaming_transform(0)
    nnir.to_program(Config.amd_v80_c6b32()).save(tmp_path / "model.vollo")
    counts = []
    while len(counts) < ATTEMPTS and 0 not in counts:
        counts.append(collections(tmp_path / "model.vollo", streams, steps))
    assert 0 in counts, counts


def collections(path, streams, steps):
    """Count the collections of a gateway's garbage during steps."""
    log = path.with_suffix(".log")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, log, str(streams), str(steps)],
        env={**os.environ, "NNIR_BRIDGE_JAVA_OPTIONS": f"-XX:MaxNewSize=4m -Xlog:gc:file={log}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, during = map(int, done.stdout.split())
    # The interpreter makes objects of vectors, until the JIT compiler has the kernels.
    assert before > 0
    return during
