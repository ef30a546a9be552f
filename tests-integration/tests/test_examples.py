"""The examples on the virtual machine against PyTorch, for many random weights and inputs."""

import numpy as np
import pytest
import torch

import vollo_compiler
import vollo_torch
from examples import CausalCnn, LstmTagger, ResidualMlp
from vollo_compiler import Config

SEEDS = range(200)


def lower(model, x):
    prepared, expected = vollo_torch.fx.prepare_shape(model, x)
    return vollo_torch.fx.nnir.to_nnir(prepared), expected.numpy()


def stepped(vm, x, in_axis, out_axis, model_index=0):
    """Run one inference for each element of a sequence."""
    x = x.numpy()
    steps = [
        vm.run(x.take(i, axis=in_axis), model_index=model_index) for i in range(x.shape[in_axis])
    ]
    return np.stack(steps, axis=out_axis)


def assert_close(got, expected, atol, rtol):
    torch.testing.assert_close(
        torch.from_numpy(got), torch.from_numpy(expected), atol=atol, rtol=rtol
    )


def assert_float32_agrees(got, expected):
    # Relative to the largest value; an output that is zero everywhere has no scale of its own.
    scale = max(float(np.abs(expected).max()), 1e-2)
    assert float(np.abs(got - expected).max()) <= 1e-5 * scale


def assert_same_bits(a, b):
    np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))


def mlp(seed):
    torch.manual_seed(seed)
    x = torch.randn(784)
    nnir, expected = lower(ResidualMlp(), x)
    program = nnir.to_program(Config.bittware_ia420f_c6b32())
    assert_close(program.to_vm().run(x.numpy()), expected, 1e-2, 1e-2)
    assert_float32_agrees(program.to_vm(bit_accurate=False).run(x.numpy()), expected)


def sequence_model(model, x, axis, config, atol, rtol):
    """Check a model both on its whole sequence and streamed along it."""
    nnir, expected = lower(model, x)
    streamed, out_axis = nnir.streaming_transform(axis)
    whole_program, step_program = nnir.to_program(config), streamed.to_program(config)
    whole = whole_program.to_vm().run(x.numpy())
    steps = stepped(step_program.to_vm(), x, axis, out_axis)
    assert_close(steps, expected, atol, rtol)
    assert_same_bits(steps, whole)
    whole = whole_program.to_vm(bit_accurate=False).run(x.numpy())
    steps = stepped(step_program.to_vm(bit_accurate=False), x, axis, out_axis)
    assert_float32_agrees(steps, expected)
    assert_same_bits(steps, whole)


def cnn(seed):
    torch.manual_seed(seed)
    x = torch.randn(1, 32, 5)
    sequence_model(CausalCnn(), x, 2, Config.bittware_ia420f_c6b32(), 5e-3, 1e-3)


def lstm(seed):
    torch.manual_seed(seed)
    x = torch.randn(20, 128)
    sequence_model(LstmTagger(), x, 0, Config.bittware_ia840f_c3b64(), 1e-2, 1e-2)


def two_models(seed):
    torch.manual_seed(seed)
    vector, sequence = torch.randn(784), torch.randn(1, 32, 5)
    dense, dense_expected = lower(ResidualMlp(), vector)
    causal, causal_expected = lower(CausalCnn(), sequence)
    causal, axis = causal.streaming_transform(2)
    builder = vollo_compiler.ProgramBuilder(Config.bittware_ia420f_c6b32())
    builder.add_nnir(dense)
    builder.add_nnir(causal)
    program = builder.to_program()
    vm = program.to_vm()
    assert_close(vm.run(vector.numpy(), model_index=0), dense_expected, 1e-2, 1e-2)
    assert_close(stepped(vm, sequence, 2, axis, 1), causal_expected, 1e-2, 1e-2)
    vm = program.to_vm(bit_accurate=False)
    assert_float32_agrees(vm.run(vector.numpy(), model_index=0), dense_expected)
    assert_float32_agrees(stepped(vm, sequence, 2, axis, 1), causal_expected)


@pytest.mark.parametrize("example", [mlp, cnn, lstm, two_models])
def test_an_example_agrees_with_pytorch_for_every_seed(example):
    failures = []
    for seed in SEEDS:
        try:
            example(seed)
        except AssertionError as error:
            failures.append(f"seed {seed}: {error}")
    assert not failures, f"{len(failures)} of {len(SEEDS)} seeds failed\n" + "\n".join(failures)
