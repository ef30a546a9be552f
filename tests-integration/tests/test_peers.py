"""The comparison with peers, on small models and with the peers that every environment has."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import contenders
import peers
import peers_job
import workloads
from vollo_compiler import Config

BRIEF = peers_job.Effort(warm_up=0.001, rounds=3, settle=0.0, timed=0.001)
SMALL = [
    workloads.mlp("mlp", 20, 12, 3),
    workloads.cnn("cnn", 4, 8),
    workloads.lstm("lstm", Config.bittware_ia420f_c6b32, 12, 16, 2, 3),
    workloads.lstm_sequence("sequence", 4, 12, 16, 3),
]


@pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)
def test_peers_compute_the_same_and_each_is_timed_in_every_round(workload):
    chosen = {
        name: maker
        for name, maker in contenders.makers(workload, threads=1).items()
        if name.startswith(("vm", "numpy", "torch "))
    }
    timings, missing = peers_job.compare(workload, chosen, BRIEF)
    assert not missing
    assert [timing.name for timing in timings] == list(chosen)
    assert {len(timing.micros) for timing in timings} == {BRIEF.rounds}
    assert all(micros > 0 for timing in timings for micros in timing.micros)


def test_a_peer_that_computes_something_else_is_refused():
    workload = replace(SMALL[0], numpy_step=lambda: partial(np.zeros_like, shape=3))
    chosen = {"numpy": contenders.makers(workload, threads=1)["numpy"]}
    with pytest.raises(ValueError, match="mlp: numpy differs from float64 by"):
        peers_job.compare(workload, chosen, BRIEF)


def test_a_peer_that_cannot_be_made_is_named_with_the_reason():
    def refuse():
        raise OSError("no compiler\nat all")

    timings, missing = peers_job.compare(SMALL[0], {"AOTInductor": refuse}, BRIEF)
    assert (timings, missing) == ([], {"AOTInductor": "OSError: no compiler"})


def test_the_table_puts_the_best_peers_in_proportion_to_the_virtual_machine():
    def contender(name, group, micros):
        return {"name": name, "group": group, "max_error": 0.0, "micros": micros}

    run = {
        "results": [
            {
                "workload": "mlp",
                "contenders": [
                    contender("vm.run", "vm", [9.0, 10.0, 90.0]),
                    contender("numpy", "float32", [20.0, 30.0, 21.0]),
                    contender("eager", "float32", [40.0, 40.0, 40.0]),
                ],
                "missing": {},
            }
        ]
    }
    jmh = {
        "benchmark": "org.nnirbridge.StepBenchmark.step",
        "params": {"workload": "mlp"},
        "primaryMetric": {"score": 0.008, "scoreUnit": "ms/op"},
    }
    table = peers.ratio_table(run, peers.jmh_micros([jmh]), threads=1)
    assert table.splitlines()[1:] == [
        "    2.10        inf  mlp        10.0         8.0    21.0      inf",
        "  mlp: best numpy; none",
    ]
