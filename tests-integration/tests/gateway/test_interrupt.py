"""Ctrl-C gives control back at once and leaves the gateway usable."""

from __future__ import annotations

import signal
import time

import pytest

LONG_RUN = """
vm = small_models.dense(2048).to_program(small_models.board()).to_vm()
x = np.zeros((30000, 2048), np.float32)
call = lambda: vm.run_timesteps(x, 0, 0)
after = lambda: vm.run(x[0])
"""
COMPILE = """
from vollo_compiler import ProgramBuilder
builder = ProgramBuilder(small_models.board())
nnir = small_models.dense(2048)
for _ in range(1000):
    builder.add_nnir(nnir)
call = builder.to_program
after = lambda: nnir.to_program(small_models.board())
"""
SCRIPT = """
import time
import numpy as np
import small_models
from nnir_bridge._gateway import current_gateway
{setup}
pid = current_gateway().pid
print("running", flush=True)
try:
    call()
    print("finished")
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert current_gateway().pid == pid
y = np.arange(8, dtype=np.float32)
assert np.array_equal(small_models.identity_vm(8).run(y), y)
after()
print("usable")
"""


@pytest.mark.parametrize("setup", [LONG_RUN, COMPILE], ids=["run_timesteps", "compile"])
def test_interrupt_returns_control_and_leaves_the_gateway_usable(sandbox, setup):
    process = sandbox.start(SCRIPT.format(setup=setup))
    assert process.stdout.readline() == "running\n"
    time.sleep(0.7)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - began < 0.5
    output, errors = process.communicate(timeout=60)
    assert (output, errors) == ("usable\n", "")


def test_many_interrupts_never_give_a_wrong_result(sandbox):
    script = """
import signal
import numpy as np
import small_models
vm = small_models.identity_vm(32)
random = np.random.default_rng(5)
interrupted = 0
def stop(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
while interrupted < 60:
    x = random.random(32, dtype=np.float32)
    assert np.array_equal(vm.run(x), x)  # after an interrupt, on a connection of its own
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.003))
        for _ in range(100000):
            assert np.array_equal(vm.run(x), x)
    except KeyboardInterrupt:
        interrupted += 1
print(interrupted)
"""
    assert sandbox.run(script) == "60\n"
