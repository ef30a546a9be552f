"""The virtual machine and its peers, each ready to do the steps of a workload."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import vollo_torch
from numpy_steps import Array
from torch_steps import Product, Step, matrix_vector, one_row_linear
from workloads import Workload

VM_RUN = "vm.run"
VM = "vm"
FLOAT32 = "float32"
BFLOAT16 = "bfloat16"
_DTYPES = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16}
_PRODUCTS: dict[str, Product] = {"mv": matrix_vector, "linear": one_row_linear}


@dataclass(frozen=True)
class Contender:
    """Something that does steps.

    Attributes:
        group: Its arithmetic: ``vm``, ``float32`` or ``bfloat16``.
        step: Does one step, keeping the states from one to the next.
        convert: Makes an input what ``step`` takes; not timed.
        result: Makes what ``step`` returned a float32 array; not timed.
    """

    group: str
    step: Callable[[Any], Any]
    convert: Callable[[Array], Any]
    result: Callable[[Any], Array]


Maker = Callable[[], Contender]
_Call = Callable[..., Any]
_Prepare = Callable[[Step, tuple[torch.Tensor, ...]], _Call]


def tune_inductor() -> None:
    """Have Inductor pack weights while it compiles, and try its own matrix products.

    For the whole process, because the tracer looks at the first of these as well.
    """
    torch._inductor.config.freezing = True
    torch._inductor.config.max_autotune = True
    torch._inductor.config.max_autotune_gemm_backends = "CPP,ATEN"


def makers(workload: Workload, threads: int) -> dict[str, Maker]:
    """Return how to make each contender, by name; the virtual machine first."""
    found: dict[str, Maker] = {
        VM_RUN: partial(_vm, workload),
        "numpy": lambda: Contender(FLOAT32, workload.numpy_step(), np.copy, np.copy),
    }
    for group in _DTYPES:
        forms = {"modules": workload.modules}
        forms |= {form: workload.products(product) for form, product in _PRODUCTS.items()}
        for form, step in forms.items():
            contender = partial(_torch_contender, workload, group, step)
            found[f"torch {group}, {form}"] = partial(contender, lambda module, _: module)
            if form != "modules":
                found[f"torch.compile {group}, {form}"] = partial(contender, _compiled)
                found[f"AOTInductor {group}, {form}"] = partial(contender, _packaged)
    for form, step in (
        ("modules", workload.modules),
        ("linear", workload.products(one_row_linear)),
    ):
        found[f"onnxruntime run, {form}"] = partial(_session_run, workload, step, threads)
        found[f"onnxruntime io-binding, {form}"] = partial(_io_binding, workload, step, threads)
    return found


def _vm(workload: Workload) -> Contender:
    prepared, _ = vollo_torch.fx.prepare_shape(workload.model, workload.example)
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    if workload.time_axis is not None:
        nnir, _ = nnir.streaming_transform(workload.time_axis)
    machine = nnir.to_program(workload.board()).to_vm()
    return Contender(VM, machine.run, np.copy, np.copy)


def _torch_contender(workload: Workload, group: str, step: Step, prepare: _Prepare) -> Contender:
    dtype = _DTYPES[group]
    module = copy.deepcopy(step).to(dtype).eval()
    states = _zero_states(step, dtype)

    def convert(x: Array) -> torch.Tensor:
        return torch.from_numpy(x).to(dtype)

    (example,) = workload.inputs(1)
    with torch.inference_mode(False), torch.no_grad():
        call = prepare(module, (convert(example), *states))

    def run(x: torch.Tensor) -> torch.Tensor:
        nonlocal states
        y: torch.Tensor
        y, *states = call(x, *states)
        return y

    return Contender(group, run, convert, lambda y: y.float().numpy())


def _compiled(module: Step, _: tuple[torch.Tensor, ...]) -> _Call:
    compiled: _Call = torch.compile(module, fullgraph=True)
    return compiled


def _packaged(module: Step, example: tuple[torch.Tensor, ...]) -> _Call:
    exported = torch.export.export(module, example)
    with tempfile.TemporaryDirectory() as directory:
        package = torch._inductor.aoti_compile_and_package(
            exported, package_path=str(Path(directory) / "step.pt2")
        )
        call: _Call = torch._inductor.aoti_load_package(package)
    return call


def _session(workload: Workload, step: Step, threads: int) -> Any:
    """Return an onnxruntime session of a step, and its arguments at the start by their names."""
    import onnxruntime

    arguments = (torch.from_numpy(workload.inputs(1)[0]), *_zero_states(step, torch.float32))
    with torch.inference_mode(False), contextlib.redirect_stdout(io.StringIO()):
        exported = torch.onnx.export(step, arguments, dynamo=True, verbose=False)
    assert exported is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    model = exported.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    values = [argument.numpy() for argument in arguments]
    return session, dict(zip(names, values, strict=True))


def _session_run(workload: Workload, step: Step, threads: int) -> Contender:
    session, feed = _session(workload, step, threads)
    x_name, *state_names = feed

    def run(x: Array) -> Array:
        y: Array
        feed[x_name] = x
        y, *states = session.run(None, feed)
        feed.update(zip(state_names, states, strict=True))
        return y

    return Contender(FLOAT32, run, np.copy, np.copy)


def _io_binding(workload: Workload, step: Step, threads: int) -> Contender:
    """Return a session on buffers bound once: a step reads the states that the last one wrote."""
    session, feed = _session(workload, step, threads)
    x_name, *state_names = feed
    x_buffer = feed[x_name].copy()
    states = [feed[name] for name in state_names]
    sets = [[state.copy() for state in states] for _ in range(2)]
    y_name, *new_names = [port.name for port in session.get_outputs()]
    y_buffer = np.empty(session.get_outputs()[0].shape, np.float32)

    def bound(read: list[Array], write: list[Array]) -> Any:
        binding = session.io_binding()
        for name, array in zip((x_name, *state_names), (x_buffer, *read), strict=True):
            binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for name, array in zip((y_name, *new_names), (y_buffer, *write), strict=True):
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding

    # A binding does not keep its arrays alive.
    turns = itertools.cycle([(bound(*sets), sets), (bound(*reversed(sets)), sets)])

    def run(x: Array) -> Array:
        np.copyto(x_buffer, x)
        session.run_with_iobinding(next(turns)[0])
        return y_buffer

    return Contender(FLOAT32, run, np.copy, np.copy)


def _zero_states(step: Step, dtype: torch.dtype) -> list[torch.Tensor]:
    return [torch.zeros(shape, dtype=dtype) for shape in step.state_shapes]
