"""Where blocks begin and end changes no bit: boards with blocks of 4 to 32 values agree."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import oracle
import vollo_torch
from vollo_compiler import Config, NumberFormat

BF16, FP32 = NumberFormat.BF16, NumberFormat.FP32
BOARDS = [Config.ip_core(1, 4), Config.ip_core(1, 8), Config.ip_core(1, 16), Config.ip_core(2, 32)]
CONSTANTS = torch.arange(8) * 0.1234567


class Model(torch.nn.Module):
    """A function of the inputs and of constants, within Fp32Activations or not."""

    def __init__(self, function: Callable[..., torch.Tensor], float32: bool) -> None:
        super().__init__()
        self.constants = torch.nn.Parameter(CONSTANTS)
        self.function = function
        self.float32 = float32

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        if not self.float32:
            return self.function(self.constants, *xs)
        with vollo_torch.Fp32Activations():
            return self.function(self.constants, *xs)


def _nnir(module, inputs, formats=BF16, output=FP32):
    prepared, _ = vollo_torch.fx.prepare_shape(module, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared, formats, output)


def _bits(outputs):
    return outputs.view(np.uint32).tolist()


def _run_everywhere(nnir, arrays):
    """Return the one output of a model, which is the same on all boards and of the oracle."""
    programs = [nnir.to_program(board) for board in BOARDS]
    outputs = [program.to_vm().run(arrays) for program in programs]
    for program, output in zip(programs, outputs, strict=True):
        assert _bits(output) == _bits(outputs[0])
        assert _bits(oracle.Oracle(program.save_bytes()).run(arrays)[0]) == _bits(output)
    return outputs[0]


def _rounded(values):
    return values.bfloat16().float()


@pytest.mark.parametrize("float32", [False, True])
def test_constants_joined_to_bf16_are_bf16(float32):
    x = torch.tensor([1.0, -2.0, 0.5, 3.0])
    nnir = _nnir(Model(lambda c, x: torch.cat([x, c]), float32), [x])
    expected = torch.cat([x, _rounded(CONSTANTS)])
    assert _bits(_run_everywhere(nnir, [x.numpy()])) == _bits(expected.numpy())


def test_constants_joined_to_float32_are_float32():
    x, y = torch.tensor([1.0, -2.0, 0.5, 3.0]), torch.tensor([0.1, 0.2, 0.3])
    nnir = _nnir(Model(lambda c, x, y: torch.cat([x, y, c]), False), [x, y], [BF16, FP32])
    expected = torch.cat([x, y, CONSTANTS])
    assert _bits(_run_everywhere(nnir, [x.numpy(), y.numpy()])) == _bits(expected.numpy())


def test_the_value_of_a_pad_has_the_format_of_what_is_padded():
    x = torch.tensor([1.0, -2.0, 0.5, 3.0])
    nnir = _nnir(Model(lambda _, x: F.pad(x, (2, 9), value=0.1234567), False), [x])
    expected = F.pad(x, (2, 9), value=float(_rounded(torch.tensor(0.1234567))))
    assert _bits(_run_everywhere(nnir, [x.numpy()])) == _bits(expected.numpy())


@pytest.mark.parametrize("float32", [False, True])
def test_a_function_of_joined_constants(float32):
    x = torch.tensor([1.0, -2.0, 0.5, 3.0])
    _run_everywhere(_nnir(Model(lambda c, x: torch.cat([x, c]) + 1.0, float32), [x]), [x.numpy()])
    _run_everywhere(_nnir(Model(lambda c, x: torch.cat([c, x]).exp(), float32), [x]), [x.numpy()])


def test_a_padded_sequence_has_the_same_bits_streamed():
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    nnir = _nnir(Model(lambda _, x: F.pad(x, (0, 0, 2, 0), value=0.1234567)[:-2], False), [x])
    whole = _run_everywhere(nnir, [x.numpy()])
    streamed, axis = nnir.streaming_transform(0)
    vm = streamed.to_program(BOARDS[0]).to_vm()
    assert _bits(vm.run_timesteps(x.numpy(), 0, axis)) == _bits(whole)


class StartsAtTheLastBlock(torch.nn.Module):
    """A sum that goes on from a block of fewer values than a vector of the processor has."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with vollo_torch.Fp32Activations():
            larger = torch.maximum(x, y)
        return self.linear(larger) + larger


def test_sums_that_start_from_small_blocks():
    x = torch.tensor([[0.5], [1.0], [-2.0], [4.0]])
    module = StartsAtTheLastBlock()
    output = _run_everywhere(_nnir(module, [x, -x], output=BF16), [x.numpy(), -x.numpy()])
    np.testing.assert_allclose(output, module(x, -x).detach().numpy(), rtol=1e-2)


class PartOfASum(torch.nn.Module):
    """Some lanes of a sum that no function follows."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 4, bias=False)
        torch.nn.init.zeros_(self.linear.weight)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with vollo_torch.Fp32Activations():
            total = self.linear(x) + y
        return total[1:]


@pytest.mark.parametrize("bit_accurate", [True, False])
def test_a_nan_is_canonical_where_lanes_of_a_sum_leave(bit_accurate):
    x, y = np.array([np.inf, 1], np.float32), np.zeros(4, np.float32)
    program = _nnir(PartOfASum(), [torch.zeros(2), torch.zeros(4)]).to_program(
        Config.amd_v80_c6b32()
    )
    output = program.to_vm(bit_accurate=bit_accurate).run([x, y])
    assert _bits(output) == [0x7FC00000] * 3


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("float32", [False, True])
def test_a_constant_added_to_a_sum_is_a_bias(bias, float32):
    linear = torch.nn.Linear(4, 8, bias=bias)
    torch.nn.init.zeros_(linear.weight)

    class Added(Model):
        def __init__(self) -> None:
            super().__init__(lambda c, x: linear(x) + c, float32)
            self.linear = linear

    x = torch.ones(4)
    output = _run_everywhere(_nnir(Added(), [x]), [x.numpy()])
    expected = linear(x) + CONSTANTS
    assert _bits(output) == _bits((expected if float32 else _rounded(expected)).detach().numpy())


def test_a_last_cell_state_leaves_in_float32():
    class LastCell(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(4, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[1][1]

    module, x = LastCell(), torch.ones(3, 4)
    output = _run_everywhere(_nnir(module, [x]), [x.numpy()])
    assert any(bits & 0xFFFF for bits in _bits(output)[0])
    np.testing.assert_allclose(output, module(x).detach().numpy(), atol=1e-2)
