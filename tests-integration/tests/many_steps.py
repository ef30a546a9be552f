"""Prints a digest of the bits that a saved program gives over many steps.

Run as a script, without PyTorch: ``many_steps.py model.vollo``.
"""

import hashlib
import sys

import numpy as np

from vollo_compiler import Program

STEPS = 4000


def main(path):
    program = Program.load(path)
    shape = program.model_input_shape()
    inputs = np.random.default_rng(5).standard_normal((STEPS, *shape), np.float32)
    outputs = program.to_vm().run_timesteps(inputs, 0, 0)
    print(hashlib.sha256(outputs.tobytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
