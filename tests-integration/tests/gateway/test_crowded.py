"""Steps whose threads need every processor: both sides sleep in pipes, threads are bound."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux and two processors",
)

# The gateway starts when the program is made, and then has two processors too.
TWO_PROCESSORS = """
import os, threading
import numpy as np
import small_models
from nnir_bridge._gateway import current_gateway
processors = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, processors)
program = small_models.dense(1024).to_program(small_models.board())
vm, one = (program.to_vm(num_threads=threads) for threads in (2, 1))
plan = vm._models[0].plan
assert plan.crowded and not one._models[0].plan.crowded
random = np.random.default_rng(3)
def check(steps, vm=vm, one=one, random=random):
    for _ in range(steps):
        x = random.standard_normal(vm._models[0].inputs[0], dtype=np.float32)
        assert vm.run(x).tobytes() == one.run(x).tobytes()
def bound(thread):
    for task in os.scandir(f"/proc/{current_gateway().pid}/task"):
        with open(f"{task.path}/comm") as name:
            if name.read().strip() == thread:
                return sorted(os.sched_getaffinity(int(task.name)))
"""


def test_threads_are_bound_and_the_bits_are_those_of_one_thread(sandbox):
    script = """
check(3000)
leader, worker = bound("vm-leader"), bound("vm-worker-1")
print(len(leader), sorted(leader + worker) == processors)
print(sorted(os.sched_getaffinity(0)) == processors)
files = os.listdir(current_gateway()._process.directory.path)
print([name for name in files if name.endswith((".pipe", ".region"))])
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "1 True\nTrue\n[]\n"


def test_the_leader_takes_the_processor_of_who_waits_whenever_such_steps_begin(sandbox):
    script = """
for processor in processors * 2:
    os.sched_setaffinity(0, [processor])
    # As after a response, whatever the gateway tries out meanwhile.
    plan.crowded, plan.settling = True, 8
    check(1)
    print(bound("vm-leader") == [processor], bound("vm-worker-1") != [processor])
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "True True\n" * 4


def test_a_larger_model_takes_a_larger_region(sandbox):
    script = """
check(5)
many, many_one = (program.to_vm(num_threads=threads, num_streams=40) for threads in (2, 1))
assert many._models[0].plan.crowded
check(5, many, many_one)
check(5)
"""
    assert sandbox.run(TWO_PROCESSORS + script) == ""


def test_an_error_crosses_and_the_next_step_works(sandbox):
    script = """
check(2)
handle, plan.handle = plan.handle, 12345
try:
    vm.run(np.zeros(1024, np.float32))
except ValueError as error:
    print(type(error).__name__, "12345" in str(error))
plan.handle, plan.crowded = handle, True
check(2)
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "ValueError True\n"


def test_interrupts_never_give_a_wrong_result(sandbox):
    script = """
import signal
interrupted = 0
def stop(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
while interrupted < 40:
    check(1)
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.003))
        check(100000)
    except KeyboardInterrupt:
        interrupted += 1
print(interrupted)
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "40\n"


def test_a_connection_that_an_interrupt_lost_slows_nothing_down(sandbox):
    """Its call was interrupted between taking and using it, and a traceback still has it."""
    script = """
connections = current_gateway()._connections
lost = [connections.take_for_step(crowded) for crowded in (True, False)]
for crowded in (True, False):
    connection = connections.take_for_step(crowded)
    print(connection.crowded, connection.is_lone)
    connections.give_back(connection)
check(20)
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "True True\nFalse True\n"


def test_calls_of_several_threads(sandbox):
    """One of them at a time has the connection for such steps; the others step all the same."""
    script = """
def work(seed):
    machines = [program.to_vm(num_threads=threads) for threads in (2, 1)]
    check(300, *machines, np.random.default_rng(seed))
    done.append(seed)
done = []
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(done))
pid = current_gateway().pid
names = [open(f"{task.path}/comm").read().strip() for task in os.scandir(f"/proc/{pid}/task")]
print(names.count("vm-leader"))
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "[0, 1, 2, 3]\n1\n"


def test_a_forked_child_leaves_the_parents_connection_alone(sandbox, eventually):
    script = """
check(5)
child = os.fork()
if child == 0:
    small_models.identity_vm(8)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
plan.crowded = True
check(5)
"""
    assert sandbox.run(TWO_PROCESSORS + script) == ""
    eventually(sandbox.is_clean)


def test_a_killed_gateway_is_noticed(sandbox):
    script = """
import signal
from vollo_compiler import GatewayError
check(5)
plan.crowded = True
os.kill(current_gateway().pid, signal.SIGKILL)
try:
    while True:
        vm.run(np.zeros(1024, np.float32))
except GatewayError as error:
    print("killed by signal 9" in str(error))
"""
    assert sandbox.run(TWO_PROCESSORS + script) == "True\n"
