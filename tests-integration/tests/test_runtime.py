"""vollo_rt: contexts, jobs and their misuse."""

import gc
import itertools
import weakref

import ml_dtypes
import numpy as np
import pytest
import torch
from torch import nn

import vollo_rt
import vollo_torch
from examples import CausalCnn
from vollo_compiler import VM, Config, LoadError, NumberFormat, Program, ProgramBuilder

BF16, FP32 = vollo_rt.number_format_bf16, vollo_rt.number_format_fp32


class TwoPorts(nn.Module):
    def forward(self, x, y):
        return torch.relu(x), y * 2


def nnir(model, *inputs):
    prepared, _ = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared)


@pytest.fixture(scope="module")
def program():
    torch.manual_seed(0)
    builder = ProgramBuilder(Config.bittware_ia420f_c6b32())
    streamed, _ = nnir(CausalCnn(), torch.randn(1, 32, 5)).streaming_transform(2)
    builder.add_nnir(streamed, "cnn", generate_state_reset=True)
    builder.add_nnir(nnir(TwoPorts(), torch.randn(3, 40), torch.randn(4, 5)), "two")
    return builder.to_program()


@pytest.fixture
def ctx(program):
    with vollo_rt.VolloRTContext() as context:
        context.add_vm(0, True)
        context.load_program(program)
        yield context


X, Y = torch.randn(3, 40), torch.randn(4, 5)
STEP = np.linspace(-1, 1, 32, dtype=np.float32).reshape(1, 32)


def test_a_context_describes_what_is_loaded(program, tmp_path):
    program.save(tmp_path / "p.vollo")
    loads = {
        "path": lambda c: c.load_program(tmp_path / "p.vollo"),
        "text": lambda c: c.load_program(str(tmp_path / "p.vollo")),
        "program": lambda c: c.load_program(program),
        "bytes": lambda c: c.load_program_bytes(program.save_bytes()),
    }
    for load in loads.values():
        with vollo_rt.VolloRTContext() as ctx:
            ctx.add_vm(3, bit_accurate=True)
            assert (ctx.accelerator_num_cores(3), ctx.accelerator_block_size(3)) == (0, 0)
            load(ctx)
            assert (ctx.accelerator_num_cores(3), ctx.accelerator_block_size(3)) == (6, 32)
            assert ctx.num_models() == 2
            assert [ctx.model_name(), ctx.model_name(1)] == ["cnn", "two"]
            assert (ctx.model_num_inputs(1), ctx.model_num_outputs(1)) == (2, 2)
            assert ctx.model_input_shape() == (1, 32)
            assert ctx.model_output_shape() == (1, 1)
            assert ctx.model_input_shape(1, 1) == ctx.model_output_shape(1, 1) == (4, 5)
            assert ctx.model_input_streaming_dim() == ctx.model_output_streaming_dim() == 2
            assert ctx.model_input_streaming_dim(1) is None
            assert ctx.model_output_format(1, 1) is ctx.number_format_bf16 is NumberFormat.BF16
            assert ctx.number_format_fp32 is NumberFormat.FP32
            assert ctx.model_is_resettable() and not ctx.model_is_resettable(1)


def test_run_gives_what_the_virtual_machine_gives(ctx, program):
    vm = program.to_vm()
    for step in (STEP, STEP * 2, STEP * 3):
        np.testing.assert_array_equal(ctx.run(step), vm.run(step))
    ctx.reset()
    np.testing.assert_array_equal(ctx.run(STEP), program.to_vm().run(STEP))


def test_a_float32_machine_does_not_round(program):
    with vollo_rt.VolloRTContext() as ctx:
        ctx.add_vm(0, bit_accurate=False)
        ctx.load_program(program)
        np.testing.assert_array_equal(ctx.run(STEP), program.to_vm(bit_accurate=False).run(STEP))


def layouts(values):
    yield values.numpy()
    yield np.asfortranarray(values.numpy())
    yield np.repeat(values.numpy(), 2, axis=1)[:, ::2]
    yield values.numpy()[::-1][::-1]
    yield values
    yield values.t().contiguous().t()
    yield torch.stack([values, values], -1)[..., 0]
    yield values.clone().requires_grad_()


@pytest.mark.parametrize("i", range(8))
@pytest.mark.parametrize("bf16", [False, True])
def test_inputs_of_any_strides_and_of_both_libraries(ctx, i, bf16):
    x, y = list(layouts(X))[i], list(layouts(Y))[i]
    if bf16:
        x = x.bfloat16() if isinstance(x, torch.Tensor) else x.astype(ml_dtypes.bfloat16)
    results = ctx.run([x, y], model_index=1)
    tensors = isinstance(y, torch.Tensor)
    assert [type(r) for r in results] == [torch.Tensor if tensors else np.ndarray] * 2
    for result, expected in zip(results, (torch.relu(X), Y * 2), strict=True):
        result = result if tensors else torch.from_numpy(result)
        assert result.dtype == torch.float32 and result.is_contiguous()
        torch.testing.assert_close(result, expected.bfloat16().float(), atol=0, rtol=1e-2)


def test_formats_of_outputs(ctx):
    xb, yb = X.bfloat16(), Y.bfloat16()
    jobs = {
        ctx.add_job([xb, yb], 1): [torch.bfloat16] * 2,
        ctx.add_job([xb, Y], 1): [torch.float32] * 2,
        ctx.add_job([X, Y], 1): [torch.float32] * 2,
        ctx.add_job([X, yb], 1, [FP32, BF16]): [torch.float32, torch.bfloat16],
        ctx.add_job([xb, yb], 1, FP32): [torch.float32] * 2,
        ctx.add_job_bf16([xb, yb], 1): [torch.bfloat16] * 2,
        ctx.add_job_f32([X, Y], 1): [torch.float32] * 2,
    }
    while len(ctx.poll()):
        pass
    for handle, dtypes in jobs.items():
        results = ctx.get_result(handle)
        assert [r.dtype for r in results] == dtypes
        torch.testing.assert_close(results[0].float(), torch.relu(xb).float(), atol=0, rtol=0)


def test_numpy_outputs_in_bfloat16(ctx):
    x = X.numpy().astype(ml_dtypes.bfloat16)
    a, b = ctx.run([x, Y.numpy().astype(ml_dtypes.bfloat16)], 1)
    assert a.dtype == b.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(a, np.maximum(x, 0))


def test_numpy_outputs_in_bfloat16_need_ml_dtypes(ctx, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError) as raised:
        ctx.add_job(STEP, output_formats=[BF16])
    assert str(raised.value) == (
        "output_formats: numpy has no bfloat16 of its own; install ml_dtypes, give torch tensors, "
        "or ask for number_format_fp32"
    )


def test_inputs_are_copied_when_a_job_is_added(ctx, program):
    step = STEP.copy()
    handle = ctx.add_job(step)
    step[:] = 7
    assert ctx.poll() == [handle]
    np.testing.assert_array_equal(ctx.get_result(handle), program.to_vm().run(STEP))


def test_jobs_are_done_in_order_and_asked_for_in_any(ctx, program):
    vm = program.to_vm()
    expected = [vm.run(STEP * i) for i in range(5)]
    handles = [ctx.add_job(STEP * i) for i in range(5)]
    polled = []
    while len(polled) < 5:
        polled += ctx.poll()
    assert polled == handles
    assert ctx.poll() == []
    for i in (3, 0, 4, 1, 2):
        np.testing.assert_array_equal(ctx.get_result(handles[i]), expected[i])


def test_a_reset_job_lies_between_the_jobs_around_it(ctx):
    first, reset, again = ctx.add_job(STEP), ctx.add_reset_job(), ctx.add_job(STEP)
    while again not in ctx.poll():
        pass
    assert ctx.get_result(reset) is None
    np.testing.assert_array_equal(ctx.get_result(again), ctx.get_result(first))


def test_run_does_earlier_jobs_first_and_leaves_them_to_be_polled(ctx, program):
    vm = program.to_vm()
    earlier = ctx.add_job(STEP)
    expected = vm.run(STEP)
    np.testing.assert_array_equal(ctx.run(STEP, sleep_duration_ms=0.1), vm.run(STEP))
    assert ctx.poll() == [earlier]
    np.testing.assert_array_equal(ctx.get_result(earlier), expected)


def test_run_gives_up_after_its_polls(ctx, program):
    earlier = ctx.add_job(STEP)
    with pytest.raises(ValueError) as raised:
        ctx.run(STEP, max_poll_iterations=1)
    late = earlier + 1
    assert str(raised.value) == (
        f"max_poll_iterations: job {late} is not done after 1 polls; poll on and get its result "
        "by this handle"
    )
    assert ctx.poll() == [earlier, late]
    assert ctx.get_result(late).shape == (1, 1)


@pytest.fixture
def several(program):
    """A context of three machines."""
    with vollo_rt.VolloRTContext() as context:
        for index in (5, 0, 2):
            context.add_vm(index, bit_accurate=True)
        context.load_program(program)
        yield context


def test_a_context_has_several_accelerators(several):
    assert [several.accelerator_num_cores(i) for i in (0, 2, 5)] == [6] * 3
    assert [several.accelerator_block_size(i) for i in (0, 2, 5)] == [32] * 3
    with pytest.raises(ValueError) as raised:
        several.accelerator_num_cores(1)
    assert str(raised.value) == (
        "accelerator_index: there is no accelerator 1; it has numbers 5, 0, 2"
    )
    assert repr(several) == "VolloRTContext(3 accelerators, cnn, two)"


def test_accelerators_of_one_context_compute_alike():
    with vollo_rt.VolloRTContext() as ctx:
        ctx.add_vm(0, True)
        with pytest.raises(ValueError) as raised:
            ctx.add_vm(1, False)
    assert str(raised.value) == (
        "accelerator 1: bit_accurate=False differs from that of accelerator 0; jobs go to either, "
        "so all of a context compute alike"
    )
    assert repr(ctx) == "VolloRTContext(closed)"


def test_jobs_without_state_are_shared_by_the_accelerators(several, program):
    inputs = [(X * i, Y * i) for i in range(7)]
    handles = [several.add_job(pair, 1) for pair in inputs]
    done = [several.poll() for _ in range(3)]
    assert [len(handles) for handles in done] == [3, 3, 1]
    assert sorted(itertools.chain(*done)) == handles
    vm = program.to_vm()
    for handle, (x, y) in zip(handles, inputs, strict=True):
        expected = vm.run([x.numpy(), y.numpy()], 1)
        for result, array in zip(several.get_result(handle), expected, strict=True):
            np.testing.assert_array_equal(result.numpy(), array)


def test_a_stream_stays_on_one_accelerator_in_its_order(several, program):
    vm = program.to_vm()
    expected = [vm.run(STEP * i) for i in range(6)]
    handles = []
    for i in range(6):
        handles.append(several.add_job(STEP * i))
        several.add_job([X, Y], 1)
    polled = []
    while more := several.poll():
        polled += more
    assert [handle for handle in polled if handle in handles] == handles
    for handle, outputs in zip(handles, expected, strict=True):
        np.testing.assert_array_equal(several.get_result(handle), outputs)
    several.reset()
    np.testing.assert_array_equal(several.run(STEP), program.to_vm().run(STEP))


def test_contexts_are_independent(program):
    with vollo_rt.VolloRTContext() as a, vollo_rt.VolloRTContext() as b:
        for ctx in (a, b):
            ctx.add_vm(0, True)
            ctx.load_program(program)
        first = a.run(STEP)
        a.run(STEP)
        np.testing.assert_array_equal(b.run(STEP), first)
        foreign = a.add_job(STEP)
        b.add_job(STEP)
        a.poll()
        with pytest.raises(ValueError) as raised:
            b.get_result(foreign)
        assert str(raised.value) == (f"user_ctx: {foreign} is no handle of a job of this context")


def test_a_dropped_context_frees_its_machine(program):
    ctx = vollo_rt.VolloRTContext()
    ctx.__enter__()
    ctx.add_vm(0, True)
    ctx.load_program(program)
    ctx.add_job(STEP)
    machine, context = weakref.ref(ctx._accelerators.machine(0)), weakref.ref(ctx)
    del ctx
    gc.collect()
    assert machine() is None and context() is None


def test_a_closed_context_frees_its_machine(program):
    with vollo_rt.VolloRTContext() as ctx:
        ctx.add_vm(0, True)
        ctx.load_program(program)
        ctx.add_job(STEP)
        machine = weakref.ref(ctx._accelerators.machine(0))
    gc.collect()
    assert machine() is None


def test_what_a_job_raises_is_raised_by_its_result(ctx, monkeypatch):
    handle = ctx.add_job(STEP)
    monkeypatch.setattr(VM, "run", lambda *_: 1 / 0)
    assert ctx.poll() == [handle]
    with pytest.raises(ZeroDivisionError):
        ctx.get_result(handle)


NO_HARDWARE = (
    "accelerator 0: there is no hardware accelerator; NNIR Bridge runs programs on its virtual "
    "machine, use add_vm(0, bit_accurate=True)"
)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.add_accelerator(0), ValueError, NO_HARDWARE),
        (lambda c: c.add_device(0), ValueError, NO_HARDWARE),
        (
            lambda c: c.add_vm(0, True),
            ValueError,
            "this context has accelerator 0 already; give the other one another index",
        ),
        (
            lambda c: c.add_vm(1, True),
            ValueError,
            "accelerator 1: a program is loaded already; add all accelerators first",
        ),
        (
            lambda c: c.add_vm(1, None),
            TypeError,
            "bit_accurate: True or False is needed, got None",
        ),
        (
            lambda c: c.load_program_bytes("x"),
            TypeError,
            "program_bytes: bytes are needed, got str",
        ),
        (
            lambda c: c.add_job(torch.ones(1, 32).to_sparse()),
            ValueError,
            "model cnn, input 0: a tensor of layout torch.sparse_coo is not taken; give a dense "
            "tensor with values",
        ),
        (
            lambda c: c.add_job(torch.ones(1, 32, device="meta")),
            ValueError,
            "model cnn, input 0: a meta tensor is not taken; give a dense tensor with values",
        ),
        (
            lambda c: c.run(STEP, sleep_duration_ms="long"),
            TypeError,
            "sleep_duration_ms: a number is needed, got 'long'",
        ),
        (
            lambda c: c.run(STEP, sleep_duration_ms=float("nan")),
            ValueError,
            "sleep_duration_ms: a number of at least 0 is needed, got nan",
        ),
        (
            lambda c: c.add_vm(-1, True),
            ValueError,
            "accelerator_index: -1 is not from 0 to 2147483647",
        ),
        (
            lambda c: c.accelerator_num_cores(2),
            ValueError,
            "accelerator_index: there is no accelerator 2; it has number 0",
        ),
        (
            lambda c: c.__enter__(),
            ValueError,
            "this context has been opened before; make a new VolloRTContext",
        ),
        (
            lambda c: c.load_program(3),
            TypeError,
            "program: a path or a Program is needed, got 3",
        ),
        (
            lambda c: c.model_name(2),
            ValueError,
            "model_index: 2 is out of range; there are 2 models",
        ),
        (
            lambda c: c.add_job(STEP, 1),
            ValueError,
            "model two has 2 inputs, got 1",
        ),
        (
            lambda c: c.add_job(STEP.T),
            ValueError,
            "model cnn, input 0: shape (32, 1) does not match, want (1, 32)",
        ),
        (
            lambda c: c.add_job(STEP.astype(np.float64)),
            ValueError,
            "model cnn, input 0: dtype float64 is not taken; give float32 or bfloat16",
        ),
        (
            lambda c: c.add_job([STEP.tolist()]),
            TypeError,
            "model cnn, input 0: a numpy array or a torch tensor is needed, got list",
        ),
        (
            lambda c: c.add_job("x"),
            TypeError,
            "inputs: a numpy array, a torch tensor or a sequence of them is needed, got str",
        ),
        (
            lambda c: c.add_job(STEP, output_formats=[FP32, FP32]),
            ValueError,
            "output_formats: 1 needed, one for each output, got 2",
        ),
        (
            lambda c: c.add_job(STEP, output_formats=["bf16"]),
            TypeError,
            "output_formats: number_format_bf16 or number_format_fp32 is needed, got 'bf16'",
        ),
        (
            lambda c: c.add_job(STEP, output_formats=1),
            TypeError,
            "output_formats: a sequence of number formats, got 1",
        ),
        (
            lambda c: c.add_job_bf16(STEP),
            ValueError,
            "model cnn, input 0: add_job_bf16 takes bfloat16 inputs, got float32; use add_job for "
            "any",
        ),
        (
            lambda c: c.add_job_f32(torch.ones(1, 32, dtype=torch.bfloat16)),
            ValueError,
            "model cnn, input 0: add_job_f32 takes float32 inputs, got bfloat16; use add_job for "
            "any",
        ),
        (
            lambda c: c.add_reset_job(1),
            ValueError,
            "model two cannot be reset; compile it with generate_state_reset=True, or load the "
            "program again",
        ),
        (
            lambda c: c.reset(1),
            ValueError,
            "model two cannot be reset; compile it with generate_state_reset=True, or load the "
            "program again",
        ),
        (
            lambda c: c.get_result(-5),
            ValueError,
            "user_ctx: -5 is no handle of a job of this context",
        ),
        (
            lambda c: c.get_result(None),
            TypeError,
            "user_ctx: an integer is needed, got None",
        ),
        (
            lambda c: c.run(STEP, max_poll_iterations=0),
            ValueError,
            "max_poll_iterations: 0 is not from 1 to 9223372036854775807",
        ),
        (
            lambda c: c.run(STEP, sleep_duration_ms=-1),
            ValueError,
            "sleep_duration_ms: a number of at least 0 is needed, got -1",
        ),
    ],
)
def test_misuse(ctx, call, error, message):
    with pytest.raises(error) as raised:
        call(ctx)
    assert str(raised.value) == message


def test_a_result_is_there_once_and_only_when_it_is_done(ctx):
    handle = ctx.add_job(STEP)
    with pytest.raises(ValueError) as raised:
        ctx.get_result(handle)
    assert str(raised.value) == (
        f"user_ctx: job {handle} is not done; call poll until it returns the handle"
    )
    ctx.poll()
    ctx.get_result(handle)
    with pytest.raises(ValueError) as raised:
        ctx.get_result(handle)
    assert str(raised.value) == f"user_ctx: the result of job {handle} has been taken already"


def test_a_program_is_not_replaced_under_its_jobs(ctx, program):
    ctx.add_job(STEP)
    with pytest.raises(ValueError) as raised:
        ctx.load_program(program)
    assert str(raised.value) == "1 jobs of the loaded program are not done; poll until they are"
    ctx.poll()
    ctx.load_program(program)


BEFORE_LOADING = [
    lambda c: c.num_models(),
    lambda c: c.model_input_shape(),
    lambda c: c.add_job(STEP),
    lambda c: c.add_reset_job(),
    lambda c: c.poll(),
    lambda c: c.run(STEP),
    lambda c: c.reset(),
]


@pytest.mark.parametrize("call", BEFORE_LOADING)
def test_what_needs_a_program(call):
    with vollo_rt.VolloRTContext() as ctx:
        ctx.add_vm(0, True)
        with pytest.raises(ValueError) as raised:
            call(ctx)
        assert str(raised.value) == "no program is loaded; call load_program first"


def test_what_needs_a_machine(program):
    with vollo_rt.VolloRTContext() as ctx:
        for load in (
            lambda: ctx.load_program(program),
            lambda: ctx.load_program_bytes(program.save_bytes()),
        ):
            with pytest.raises(ValueError) as raised:
                load()
            assert str(raised.value) == (
                "there is no machine to load a program on; call add_vm first"
            )
        with pytest.raises(ValueError) as raised:
            ctx.accelerator_block_size(0)
        assert str(raised.value) == (
            "accelerator_index: there is no accelerator 0; it has none yet"
        )


EVERY_CALL = [
    *BEFORE_LOADING,
    lambda c: c.add_vm(0, True),
    lambda c: c.add_accelerator(0),
    lambda c: c.load_program("x"),
    lambda c: c.load_program_bytes(b""),
    lambda c: c.accelerator_num_cores(0),
    lambda c: c.get_result(1),
]


@pytest.mark.parametrize("call", EVERY_CALL)
def test_what_needs_an_open_context(call, program):
    ctx = vollo_rt.VolloRTContext()
    with pytest.raises(ValueError) as raised:
        call(ctx)
    assert str(raised.value) == ("this context is not open; use `with VolloRTContext() as ctx:`")
    with ctx:
        ctx.add_vm(0, True)
        ctx.load_program(program)
    with pytest.raises(ValueError) as raised:
        call(ctx)
    assert str(raised.value) == "this context has been closed; open a new VolloRTContext"


def test_bad_programs_are_load_errors(tmp_path):
    with vollo_rt.VolloRTContext() as ctx:
        ctx.add_vm(0, True)
        with pytest.raises(LoadError, match="could not be read"):
            ctx.load_program(tmp_path / "none.vollo")
        with pytest.raises(LoadError, match="not a program file"):
            ctx.load_program_bytes(b"not a program")
        ctx.load_program(Program.io_only_test(Config.ip_core(1, 4), 4, 4))
        assert ctx.run(np.ones(4, np.float32)).shape == (4,)
