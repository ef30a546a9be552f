"""Prints a digest of the bits that a saved program gives over many steps, alone and in streams.

Run as a script, without PyTorch: ``many_steps.py model.vollo``.
"""

import hashlib
import sys

import numpy as np

from vollo_compiler import Program

STEPS = 4000
STEPS_OF_STREAMS = 1000
STREAMS = 11


def main(path):
    program = Program.load(path)
    shape = program.model_input_shape()
    random = np.random.default_rng(5)
    inputs = random.standard_normal((STEPS, *shape), np.float32)
    inputs[::50] *= 4096
    outputs = program.to_vm().run_timesteps(inputs, 0, 0)
    inputs = random.standard_normal((STEPS_OF_STREAMS, STREAMS, *shape), np.float32)
    more = program.to_vm(num_streams=STREAMS).run_timesteps(inputs, 0, 0)
    print(hashlib.sha256(outputs.tobytes() + more.tobytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
