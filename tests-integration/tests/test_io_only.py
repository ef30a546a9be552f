"""Programs that compute nothing: same inputs and outputs, cycles of IO alone."""

import numpy as np
import pytest
import torch
from torch import nn

import vollo_torch
from examples import CausalCnn
from oracle import Oracle
from vollo_compiler import Config, NumberFormat, Program, ProgramBuilder

BOARD = Config.bittware_ia420f_c6b32()


class TwoPorts(nn.Module):
    def forward(self, x, y):
        return torch.sigmoid(x) + 1, (y * 2).transpose(0, 1)


def nnir(model, *inputs, precisions=NumberFormat.BF16, outputs=NumberFormat.BF16):
    prepared, _ = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared, precisions, outputs)


@pytest.mark.parametrize(
    ("values_in", "values_out"), [(1, 1), (32, 32), (33, 5), (5, 100), (784, 10), (4096, 4096)]
)
def test_every_output_word_is_the_last_input_word(values_in, values_out):
    program = Program.io_only_test(BOARD, values_in, values_out)
    assert program.metrics().model_names == ["io_only_test"]
    assert program.model_input_shape() == (values_in,)
    assert program.model_output_shape() == (values_out,)
    x = np.arange(values_in, dtype=np.float32) % 256
    last = np.zeros(32, np.float32)
    rest = x[(values_in - 1) // 32 * 32 :]
    last[: len(rest)] = rest
    expected = np.tile(last, values_out // 32 + 1)[:values_out]
    np.testing.assert_array_equal(program.to_vm().run(x), expected)
    np.testing.assert_array_equal(program.to_vm(no_compute=True).run(x), expected)


def test_it_takes_a_cycle_for_each_word_and_nothing_for_computing():
    def cycles(values_in, values_out, spaced=True):
        program = Program.io_only_test(BOARD, values_in, values_out)
        return program.cycle_count_per_inference(spaced=spaced)

    start = cycles(32, 32)
    assert cycles(320, 32) == start + 9
    assert cycles(32, 320) == start + 9
    assert cycles(320, 640) == start + 9 + 19
    assert cycles(321, 32) == start + 10
    assert cycles(32, 32, spaced=False) == start + 1


def test_a_program_without_its_computing_keeps_its_inputs_and_outputs():
    builder = ProgramBuilder(BOARD)
    streamed, _ = nnir(CausalCnn(), torch.randn(1, 32, 5)).streaming_transform(2)
    builder.add_nnir(streamed, "cnn", generate_state_reset=True)
    builder.add_nnir(nnir(TwoPorts(), torch.randn(3, 40), torch.randn(4, 5)), "two")
    program = builder.to_program()
    empty = program.transform_to_io_only_test()
    assert empty.metrics().weight_store_used == [0] * 6
    assert empty.metrics().model_names == ["cnn", "two"]
    assert empty.metrics().input_bytes == program.metrics().input_bytes
    assert empty.metrics().output_bytes == program.metrics().output_bytes
    assert empty.model_is_resettable(0) and not empty.model_is_resettable(1)
    assert empty.model_input_streaming_dim(0) == 2
    assert empty.model_output_streaming_dim(0) == 2
    vm = empty.to_vm()
    vm.reset(0)
    assert vm.run(np.ones((1, 32), np.float32), 0).shape == (1, 1)
    a, b = vm.run([np.ones((3, 40), np.float32), np.ones((4, 5), np.float32)], 1)
    assert a.shape == (3, 40) and b.shape == (5, 4)
    for model in (0, 1):
        assert empty.cycle_count_per_inference(model_index=model) < (
            program.cycle_count_per_inference(model_index=model)
        )


@pytest.mark.parametrize("x_format", NumberFormat)
@pytest.mark.parametrize("y_format", NumberFormat)
def test_outputs_have_their_formats_as_the_oracle_says(x_format, y_format):
    model = nnir(nn.Linear(40, 70), torch.randn(40), precisions=x_format, outputs=y_format)
    empty = model.to_program(BOARD).transform_to_io_only_test()
    assert empty.model_output_number_format() == y_format
    x = np.random.default_rng(1).standard_normal(40, dtype=np.float32)
    (got,), (expected,) = [empty.to_vm().run(x)], Oracle(empty.save_bytes()).run([x])
    np.testing.assert_array_equal(got.view(np.uint32), np.asarray(expected).view(np.uint32))
    narrow = NumberFormat.BF16 in (x_format, y_format)
    assert not narrow or not (got.view(np.uint32) & 0xFFFF).any()


def test_it_is_saved_and_loaded_like_any_other():
    program = Program.io_only_test(BOARD, 100, 10)
    again = Program.load_bytes(program.save_bytes())
    assert again.save_bytes() == program.save_bytes()
    program.pack()


def test_no_compute_gives_zeros_of_the_right_shapes_at_the_same_estimate():
    program = nnir(TwoPorts(), torch.randn(3, 40), torch.randn(4, 5)).to_program(BOARD)
    x, y = np.ones((3, 40), np.float32), np.ones((4, 5), np.float32)
    a, b = program.to_vm(no_compute=True).run([x, y])
    np.testing.assert_array_equal(a, np.zeros((3, 40)))
    np.testing.assert_array_equal(b, np.zeros((5, 4)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((BOARD, 0, 1), ValueError, "input_values: 0 is not from 1 to 16777216"),
        ((BOARD, 1, -3), ValueError, "output_values: -3 is not from 1 to 16777216"),
        ((BOARD, 1, 1 << 25), ValueError, "output_values: 33554432 is not from 1 to 16777216"),
        ((BOARD, 1.5, 1), TypeError, "input_values: an integer is needed, got 1.5"),
        (("V80", 1, 1), TypeError, "config: a vollo_compiler.Config is needed, got 'V80'"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error) as raised:
        Program.io_only_test(*arguments)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"random_seeds": []}, "random_seeds: at least one is needed; [0] is the default"),
        (
            {"write_queue_capacity": 0},
            "write_queue_capacity: 0 is too small; at least 1 is needed",
        ),
        (
            {"output_buffer_capacity": -1},
            "output_buffer_capacity: -1 is too small; at least 1 is needed",
        ),
        ({"max_sparse_entries": -1}, "max_sparse_entries: -1 is too small; at least 0 is needed"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError) as raised:
        nnir(nn.Linear(4, 4), torch.randn(4)).to_program(BOARD, **options)
    assert str(raised.value) == message


def test_options_that_change_nothing_are_taken():
    model = nnir(nn.Linear(40, 4), torch.randn(40))
    usual = model.to_program(BOARD).save_bytes()
    for options in (
        {"random_seeds": [0, 0]},
        {"quick_compile": True},
        {"allow_unserializable": True},
        {"optimize_transforms": False},
        {"write_queue_capacity": 1, "output_buffer_capacity": 1},
    ):
        assert model.to_program(BOARD, **options).save_bytes() == usual
