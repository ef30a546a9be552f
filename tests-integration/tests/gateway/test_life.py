"""However Python ends, nothing of the gateway is left; however the gateway ends, Python says so."""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

USE = """
import os, sys, signal
import numpy as np
import small_models
from nnir_bridge._gateway import current_gateway
vm = small_models.identity_vm(8)
x = np.arange(8, dtype=np.float32)
assert np.array_equal(vm.run(x), x)
print(current_gateway().pid, flush=True)
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        ("raise ValueError('on purpose')", 1),
        ("os._exit(4)", 4),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
)
def test_gateway_ends_with_python(sandbox, eventually, ending, status):
    process = sandbox.start(USE + ending)
    process.communicate(timeout=60)
    assert process.returncode == status
    eventually(sandbox.is_clean)


def test_gateway_ends_during_a_long_computation(sandbox, eventually):
    script = """
import numpy as np
import small_models
vm = small_models.dense(1024).to_program(small_models.board()).to_vm()
x = np.zeros((60000, 1024), np.float32)
print("running", flush=True)
vm.run_timesteps(x, 0, 0)
"""
    process = sandbox.start(script)
    assert process.stdout.readline() == "running\n"
    time.sleep(0.5)
    process.kill()
    process.wait()
    began = time.monotonic()
    eventually(sandbox.is_clean)
    assert time.monotonic() - began < 3


def test_fifty_starts_and_kills_leave_nothing(sandbox, eventually):
    seed = 20240607
    delays = random.Random(seed)

    def start_and_kill(i: int) -> None:
        process = sandbox.start(USE + "sys.stdin.read()")
        if i % 2:
            process.stdout.readline()
        else:
            time.sleep(delays.uniform(0.1, 0.7))
        process.kill()
        process.communicate()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(start_and_kill, range(50)))
    eventually(lambda: not sandbox.gateways())
    # A process killed between two system calls can leave an empty directory; the next one that
    # starts takes it away once it is sure that nobody is about to use it.
    if sandbox.leftovers():
        time.sleep(10.5)
        sandbox.run(USE)
    eventually(sandbox.is_clean)


def test_two_processes_have_their_own_gateways(sandbox, eventually):
    first, second = (sandbox.start(USE + "sys.stdin.read()") for _ in range(2))
    pids = {first.stdout.readline(), second.stdout.readline()}
    assert len(pids) == 2
    first.kill()
    first.communicate()
    assert second.poll() is None
    _, errors = second.communicate("", timeout=30)
    assert second.returncode == 0, errors
    eventually(sandbox.is_clean)


def test_threads_start_one_gateway_and_share_it(sandbox):
    script = """
import threading
import numpy as np
import small_models
from nnir_bridge._gateway import current_gateway
pids, wrong = set(), []
def work(seed):
    vm = small_models.identity_vm(16, 3)
    pids.add(current_gateway().pid)
    random = np.random.default_rng(seed)
    for _ in range(300):
        x = random.random((16, 3), dtype=np.float32)
        if not np.array_equal(vm.run(x), x):
            wrong.append(seed)
threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(pids), wrong)
"""
    assert sandbox.run(script) == "1 []\n"


def test_threads_share_one_machine(sandbox):
    script = """
import threading
import numpy as np
import small_models
vm = small_models.identity_vm(64)
wrong = []
def work(value):
    x = np.full(64, value, np.float32)
    for _ in range(500):
        if not np.array_equal(vm.run(x), x):
            wrong.append(value)
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(wrong)
"""
    assert sandbox.run(script) == "[]\n"


def test_a_thousand_machines_share_a_few_connections(sandbox):
    script = """
import numpy as np
import small_models
from nnir_bridge._gateway import current_gateway
program = small_models.identity(4).to_program(small_models.board())
vms = [program.to_vm() for _ in range(1000)]
x = np.arange(4, dtype=np.float32)
assert all(np.array_equal(vm.run(x + i), x + i) for i, vm in enumerate(vms))
print(len(current_gateway()._connections._idle[False]))
del vms
print(current_gateway().call("release", "[]")["objects"] < 10)
"""
    assert sandbox.run(script) == "1\nTrue\n"


def test_a_forked_child_has_its_own_gateway(sandbox, eventually):
    script = (
        USE
        + """
child = os.fork()
if child == 0:
    try:
        vm.run(x)
        os._exit(1)
    except RuntimeError as error:
        assert "before the process forked" in str(error), error
    again = small_models.identity_vm(8)
    assert np.array_equal(again.run(x), x)
    print(current_gateway().pid, flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert np.array_equal(vm.run(x), x)
print(current_gateway().pid, flush=True)
"""
    )
    parent, child, parent_again = sandbox.run(script).split()
    assert parent == parent_again != child
    eventually(sandbox.is_clean)


def test_a_parents_connections_outlive_its_forked_children(sandbox):
    """Those of both planes, whether the child uses the gateway or not."""
    script = (
        USE
        + """
data = vm._program.save_bytes()
for child_works in (False, True):
    child = os.fork()
    if child == 0:
        if child_works:
            small_models.identity_vm(8)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert vm._program.save_bytes() == data
    assert np.array_equal(vm.run(x), x)
    assert vm._program.cycle_count_per_inference() > 0
    assert np.array_equal(small_models.identity_vm(8).run(x), x)
"""
    )
    sandbox.run(script)


def test_every_call_on_objects_of_a_killed_gateway_says_that_it_is_gone(sandbox):
    script = (
        USE
        + """
import time
from vollo_compiler import GatewayError
nnir, program = small_models.identity(8), vm._program
program.cycle_count_per_inference()
os.kill(current_gateway().pid, signal.SIGKILL)
time.sleep(0.3)
calls = [program.cycle_count_per_inference, program.save_bytes, program.to_vm, vm.snapshot]
calls += [lambda: vm.run(x), lambda: str(nnir), lambda: repr(program), lambda: list(nnir)]
calls += [lambda: nnir.streaming_transform(0), lambda: nnir.to_program(program.hw_config())]
for round in range(2):
    for i, call in enumerate(calls):
        try:
            call()
            raise AssertionError(i)
        except GatewayError as error:
            assert "virtual machines are gone" in str(error), error
"""
    )
    sandbox.run(script)


def test_a_forked_child_does_not_keep_a_killed_parents_gateway(sandbox, eventually):
    script = (
        USE
        + """
child = os.fork()
if child == 0:
    import time
    time.sleep(20)
    os._exit(0)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    process = sandbox.start(script)
    process.stdout.readline()
    child = int(process.stdout.readline())
    process.wait()
    try:
        eventually(sandbox.is_clean)
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_a_killed_gateway_gives_one_clear_exception_and_the_next_object_a_new_one(
    sandbox, eventually
):
    script = (
        USE
        + """
from vollo_compiler import GatewayError
old = current_gateway().pid
os.kill(old, signal.SIGKILL)
messages = []
sequence = lambda: vm.run_timesteps(x[None], 0, 0)
for call in (lambda: vm.run(x), sequence, lambda: vm._program.to_vm()):
    try:
        call()
    except GatewayError as error:
        assert error.__cause__ is None and error.__suppress_context__
        messages.append(str(error))
assert len(messages) == 3 and len(set(messages)) == 1, messages
start, _, tail = messages[0].partition(". Its log is ")
assert start == (
    f"The NNIR Bridge gateway (Java process {old}) was killed by signal 9. Its models, programs "
    "and virtual machines are gone; make them again and a new gateway starts by itself"
), start
assert os.path.exists(tail.split(" and ends with:")[0]), tail
again = small_models.identity_vm(8)
assert np.array_equal(again.run(x), x)
assert current_gateway().pid != old
try:
    vm.run(x)
except GatewayError as error:
    assert str(error) == messages[0]
    print("still dead")
"""
    )
    assert sandbox.run(script).splitlines()[1] == "still dead"
    eventually(sandbox.is_clean)


@pytest.mark.parametrize("threads", ["1", "os.cpu_count()"])
def test_a_gateway_killed_during_a_step_is_noticed_at_once(sandbox, threads):
    """Also where Python sleeps because the step needs every processor."""
    script = f"""
import os, signal, threading, time
import numpy as np
import small_models
from nnir_bridge._gateway import current_gateway
from vollo_compiler import GatewayError
program = small_models.dense(1024).to_program(small_models.board())
vm = program.to_vm(num_threads={threads}, num_streams=1000)
x = np.zeros((1000, 1024), np.float32)
vm.run(x)
threading.Timer(0.5, lambda: os.kill(current_gateway().pid, signal.SIGKILL)).start()
began = time.monotonic()
try:
    while True:
        vm.run(x)
except GatewayError as error:
    assert "killed by signal 9" in str(error)
    assert time.monotonic() - began < 10
    print("noticed")
"""
    assert sandbox.run(script) == "noticed\n"


def test_standard_error_stays_empty(sandbox):
    process = sandbox.start(USE)
    _, errors = process.communicate(timeout=60)
    assert errors == ""


def test_the_first_gateway_leaves_an_archive_of_classes_for_the_next(sandbox, tmp_path):
    def archives() -> list[str]:
        return [path.suffix for path in (tmp_path / "nnir-bridge" / "classes").iterdir()]

    killed = sandbox.start(
        USE + "os.kill(os.getpid(), signal.SIGKILL)", XDG_CACHE_HOME=str(tmp_path)
    )
    killed.communicate(timeout=60)
    assert ".jsa" not in archives()
    for _ in range(2):
        sandbox.run(USE, XDG_CACHE_HOME=str(tmp_path))
        assert archives().count(".jsa") == 1


def test_a_cache_that_cannot_be_written_is_done_without(sandbox, tmp_path):
    (tmp_path / "file").write_text("")
    sandbox.run(USE, XDG_CACHE_HOME=str(tmp_path / "file"))


def test_loopback_tcp_does_the_same(sandbox, eventually):
    script = (
        USE
        + """
sequence = np.random.default_rng(1).random((9, 8), dtype=np.float32)
assert np.array_equal(vm.run_timesteps(sequence, 0, 0), sequence)
"""
    )
    sandbox.run(script, NNIR_BRIDGE_TRANSPORT="tcp")
    eventually(sandbox.is_clean)


def test_idle_gateway_takes_no_processor_time(sandbox):
    script = (
        USE
        + """
import time
def jiffies(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
for _ in range(3000):
    vm.run(x)
time.sleep(0.5)
both = (current_gateway().pid, os.getpid())
before = [jiffies(pid) for pid in both]
time.sleep(1.0)
print(max(jiffies(pid) - b for pid, b in zip(both, before)))
before = jiffies(both[0])
for _ in range(50):
    time.sleep(0.01)
    vm.run(x)
print(jiffies(both[0]) - before)
"""
    )
    _, idle, paused = sandbox.run(script).split()
    assert int(idle) <= 5  # of 100
    assert int(paused) <= 25
