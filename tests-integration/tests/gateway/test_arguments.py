"""Wrong arguments give an exception that says what is wrong; right ones of any layout work."""

from __future__ import annotations

import numpy as np
import pytest
import small_models

from vollo_compiler import NNIR, VM, Config, Program, ProgramBuilder


@pytest.fixture(scope="module")
def program() -> Program:
    return small_models.identity(2, 3).to_program(small_models.board(), "echo")


@pytest.fixture(scope="module")
def vm(program) -> VM:
    return program.to_vm()


X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    "x",
    [
        X,
        X.astype(np.float64),
        X.astype(np.float16),
        X.astype(">f4"),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X[::-1][::-1],
        np.broadcast_to(X, (4, 2, 3))[2],
        X.view(np.matrix),
    ],
)
def test_any_layout_and_float_dtype_runs(vm, x):
    for got in (vm.run(x), vm.run([x]), vm.run((x,))):
        assert isinstance(got, np.ndarray)
        assert got.dtype == np.float32
        assert got.flags.c_contiguous and got.flags.writeable and got.flags.owndata
        np.testing.assert_array_equal(got, X)


def test_results_are_not_overwritten_by_the_next_run(vm):
    first = vm.run(X)
    vm.run(X + 1)
    np.testing.assert_array_equal(first, X)


def test_bits_cross_unchanged(vm):
    x = np.array([np.inf, -np.inf, -0.0, 1e-40, 3.4e38, np.float32(1) / 3], np.float32)
    assert vm.run_flat(x).tobytes() == x.tobytes()


@pytest.mark.parametrize("in_dim", [0, 1, 2, -1])
@pytest.mark.parametrize("out_dim", [0, 1, 2, -3])
def test_timesteps_are_split_and_stacked(vm, in_dim, out_dim):
    steps = np.random.default_rng(3).random((5, 2, 3), dtype=np.float32)
    got = vm.run_timesteps(np.moveaxis(steps, 0, in_dim), in_dim, out_dim)
    np.testing.assert_array_equal(got, np.moveaxis(steps, 0, out_dim))
    assert got.flags.c_contiguous and got.flags.writeable


def test_flat_timesteps(vm):
    steps = np.random.default_rng(3).random((5, 6), dtype=np.float32)
    np.testing.assert_array_equal(vm.run_flat_timesteps(steps.T, 1, 0), steps)
    np.testing.assert_array_equal(vm.run_flat_timesteps(steps, [0], [1]), steps.T)


def test_a_sequence_of_several_batches(vm):
    steps = np.random.default_rng(3).random((1_500_000, 6), dtype=np.float32)
    np.testing.assert_array_equal(vm.run_flat_timesteps(steps, 0, 0), steps)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (
            X.T,
            ValueError,
            "model echo, input 0: shape (3, 2) does not match, want (2, 3)",
        ),
        ([X, X], ValueError, "model echo has 1 input, got 2"),
        ([], ValueError, "model echo has 1 input, got 0"),
        (
            X.astype(np.int32),
            ValueError,
            "model echo, input 0: dtype int32 does not convert safely to float32; want float32 "
            "(float16, bfloat16 and float64 are converted)",
        ),
        (
            X > 0,
            ValueError,
            "model echo, input 0: dtype bool does not convert safely to float32; want float32 "
            "(float16, bfloat16 and float64 are converted)",
        ),
        (
            X.astype(complex),
            ValueError,
            "model echo, input 0: dtype complex128 does not convert safely to float32; want "
            "float32 (float16, bfloat16 and float64 are converted)",
        ),
        (
            X.astype(object),
            ValueError,
            "model echo, input 0: dtype object does not convert safely to float32; want float32 "
            "(float16, bfloat16 and float64 are converted)",
        ),
        (
            [[1.0, 2.0]],
            TypeError,
            "model echo, input 0: a numpy array is needed, got builtins.list",
        ),
        (
            None,
            TypeError,
            "inputs: a numpy array or a sequence of them is needed, got NoneType",
        ),
    ],
)
def test_wrong_inputs(vm, inputs, error, message):
    with pytest.raises(error) as raised:
        vm.run(inputs)
    assert str(raised.value) == message


def test_a_tensor_is_refused_with_the_way_out(vm):
    torch = pytest.importorskip("torch")
    for inputs in (torch.ones(2, 3), [torch.ones(2, 3)]):
        with pytest.raises(TypeError) as raised:
            vm.run(inputs)
        assert str(raised.value) == (
            "model echo, input 0: a numpy array is needed, got torch.Tensor; call "
            ".detach().numpy() on it"
        )


@pytest.mark.parametrize("index", [1, -1, 2**70])
def test_wrong_model_index(vm, program, index):
    for call in (
        lambda: vm.run(X, model_index=index),
        lambda: vm.run_timesteps(X[None], 0, 0, model_index=index),
        lambda: program.model_input_shape(index),
        lambda: program.cycle_count_per_inference(model_index=index),
    ):
        with pytest.raises(ValueError, match="model_index: "):
            call()


def test_wrong_time_dimensions(vm):
    cases = [
        (
            (X[None], 3, 0),
            "input_timestep_dims: 3 is out of range for input 0, which has 3 dimensions with "
            "time; give one from 0 to 2",
        ),
        (
            (X[None], 0, -4),
            "output_timestep_dims: -4 is out of range for output 0, which has 3 dimensions with "
            "time; give one from 0 to 2",
        ),
        ((X[None], [0, 1], 0), "input_timestep_dims: 1 needed, one for each input, got 2"),
        ((X[None][:0], 0, 0), "model echo: the inputs have no time steps"),
        (
            (X, 2, 0),
            "model echo, input 0: time dimension 2 does not exist in shape (2, 3)",
        ),
        (
            (X, 0, 0),
            "model echo, input 0: shape (2, 3) does not match, want (2, 2, 3)",
        ),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError) as raised:
            vm.run_timesteps(*arguments)
        assert str(raised.value) == message


def test_reset_needs_a_program_compiled_for_it(vm):
    with pytest.raises(ValueError) as raised:
        vm.reset()
    assert str(raised.value) == (
        "VM.reset: model 0 (echo) cannot be reset; compile it with generate_state_reset=True, or "
        "make a new VM"
    )
    program = small_models.identity(4).to_program(small_models.board(), generate_state_reset=True)
    assert program.model_is_resettable()
    program.to_vm().reset()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: small_models.identity(3).to_program("v80"),
        lambda: ProgramBuilder(None),
        lambda: ProgramBuilder(small_models.board()).add_nnir("model"),
        lambda: small_models.identity(3).to_program(small_models.board(), random_seeds=["a"]),
        lambda: small_models.identity(3).to_program(small_models.board(), max_sparse_entries="a"),
        lambda: small_models.identity(3).streaming_transform("0"),
        lambda: Program.load_bytes("text"),
        NNIR,
        Program,
        VM,
    ],
)
def test_wrong_types(bad):
    with pytest.raises(TypeError):
        bad()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: ProgramBuilder(small_models.board()).to_program(),
        lambda: small_models.identity(3).streaming_transform(5),
        lambda: small_models.identity(3).streaming_transform([0, 0]),
        lambda: small_models.identity(3).streaming_transform(2**40),
        lambda: Config(0, 32),
        lambda: Config(2, 2**40),
        lambda: Config(2, 32, fabric="papyrus"),
    ],
)
def test_wrong_values(bad):
    with pytest.raises(ValueError):
        bad()


def test_deprecated_figures_still_work(program):
    machine = program.to_vm()
    machine.run(X)
    with pytest.deprecated_call():
        assert machine.cycle_count() == program.cycle_count_per_inference()
    with pytest.deprecated_call():
        assert machine.compute_duration_us(100.0) == program.cycle_count_per_inference() / 100.0
