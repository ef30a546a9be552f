"""Runs the suite on this checkout's packages and jar, in the processes that it starts too."""

import os

import pytest
import torch

import bootstrap


def pytest_configure():
    os.environ.update(bootstrap.run_environment())
    torch.set_num_threads(2)


@pytest.fixture(scope="session", autouse=True)
def _built_jar():
    bootstrap.build_jar(bootstrap.ROOT)
