"""Checks of a streamed model: near PyTorch on the whole sequence, and the documents' bits."""

import numpy as np
import torch
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import Config, NumberFormat

BOARD = Config.ip_core(2, 8)


def to_nnir(model, *inputs, precision=NumberFormat.BF16):
    prepared, expected = vollo_torch.fx.prepare_shape(model.eval(), *inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    return vollo_torch.fx.nnir.to_nnir(prepared, precision, precision), expected


def streamed(model, axes, *inputs, precision=NumberFormat.BF16, board=BOARD, **options):
    nnir, _ = to_nnir(model, *inputs, precision=precision)
    steps, output_axes = nnir.streaming_transform(axes)
    return steps.to_program(board, **options), output_axes


def assert_near_pytorch(program, axes, output_axes, inputs, expected, tolerance=1e-5):
    arrays = [value.numpy() for value in inputs]
    single = len(arrays) == 1
    outputs = program.to_vm(bit_accurate=False).run_timesteps(
        arrays[0] if single else arrays, axes, output_axes
    )
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for got, want in zip(outputs, expected, strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want.numpy(), rtol=tolerance, atol=tolerance)


def assert_bits_of_the_documents(program, axes, inputs):
    reference = oracle.Oracle(program.save_bytes())
    vm = program.to_vm()
    axes = [axes] if isinstance(axes, int) else axes
    for t in range(inputs[0].shape[axes[0]]):
        step = [value.select(axis, t).numpy() for value, axis in zip(inputs, axes, strict=True)]
        outputs = vm.run(step)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        for got, want in zip(outputs, reference.run(step), strict=True):
            np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


def check(model, axes, *inputs, tolerance=1e-5, **options):
    torch.manual_seed(7)
    _, expected = to_nnir(model, *inputs)
    program, output_axes = streamed(model, axes, *inputs, **options)
    assert_near_pytorch(program, axes, output_axes, inputs, expected, tolerance)
    assert_bits_of_the_documents(program, axes, inputs)
    return program, output_axes


class Sequence(nn.Module):
    """The output sequence of a recurrent layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]
