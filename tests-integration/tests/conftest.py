"""Runs the suite on this checkout's packages and jar, in the processes that it starts too."""

import os

import torch

import bootstrap


def pytest_configure():
    # Before the tests are imported, since some of them then start the gateway.
    bootstrap.build_jar(bootstrap.ROOT)
    os.environ.update(bootstrap.run_environment())
    torch.set_num_threads(2)
