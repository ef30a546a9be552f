"""The examples in docstrings run as they stand there."""

import doctest
import importlib
import inspect

import pytest

PACKAGES = ("vollo_compiler", "vollo_rt", "vollo_torch", "vollo_torch.nn", "vollo_torch.fx")

# What a user reads first.
WITH_EXAMPLE = {
    *("Config", "NNIR", "Program", "ProgramBuilder", "VM", "VolloRTContext"),
    *("Fp32Activations", "CorePartition", "PaddedConv1d", "Scan", "RMSNorm", "LSTMCell", "Zeros"),
    *("prepare_shape", "to_nnir"),
}


def examples():
    found = {}
    for package in (*PACKAGES, "vollo_torch.fx.nnir"):
        for name in importlib.import_module(package).__all__:
            thing = getattr(importlib.import_module(package), name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                module = inspect.getmodule(thing)
                for test in doctest.DocTestFinder().find(thing, name, module):
                    if test.examples:
                        found[test.name] = test
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report = []
    runner.run(EXAMPLES[name], out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_what_a_user_reads_first_has_an_example():
    assert {name.split(".")[0] for name in EXAMPLES} >= WITH_EXAMPLE
