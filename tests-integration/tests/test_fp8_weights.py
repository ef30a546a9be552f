"""Weights in FP8: PyTorch's values, half of the store, and what is refused."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fp8_layers import round_weights
from torch import nn

import oracle
import vollo_torch
from vollo_compiler import AllocationError, Config, Program

BOARDS = [Config.amd_v80_c6b32, Config.amd_v80ll_c6b32]


class InFp8(nn.Module):
    """A model inside the context."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        with vollo_torch.Fp8Weights():
            return self.model(*inputs)


def to_nnir(model, *inputs):
    prepared, _ = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared)


def small_board(cores, weight_store_depth):
    config = Config.amd_v80_c6b32()
    config.num_cores = cores
    config.weight_store_depth = weight_store_depth
    return config


class Product(nn.Module):
    """A product with a constant matrix on the left."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(35, 50) / 7)

    def forward(self, x):
        return self.weight @ x


LAYERS = {
    "linear": (lambda: nn.Linear(50, 70), (4, 50), 0),
    "matmul": (Product, (50, 6), 1),
    "conv": (lambda: vollo_torch.nn.PaddedConv1d(50, 40, 3, dilation=2), (1, 50, 6), 2),
    "depthwise": (lambda: vollo_torch.nn.PaddedConv1d(50, 50, 3, groups=50), (1, 50, 6), 2),
    "lstm": (lambda: vollo_torch.nn.LSTM(50, 40, num_layers=2), (5, 50), 0),
    "mixed": (lambda: nn.Sequential(InFp8(nn.Linear(50, 40)), nn.Linear(40, 30)), (4, 50), 0),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    """A model with FP8 weights, the same with rounded weights in BF16, an input and its time."""
    torch.manual_seed(21)
    make, shape, time = LAYERS[request.param]
    if request.param == "mixed":
        narrow = make()
        rounded = copy.deepcopy(narrow)
        rounded[0] = round_weights(rounded[0].model)
    else:
        rounded = make()
        narrow = InFp8(copy.deepcopy(rounded))
        round_weights(rounded)
    return narrow, rounded, torch.randn(shape), time


@pytest.mark.parametrize("board", BOARDS)
def test_the_bits_are_those_of_weights_that_pytorch_rounded(layer, board):
    narrow, rounded, x, _ = layer
    program = to_nnir(narrow, x).to_program(board())
    expected = to_nnir(rounded, x).to_program(board()).to_vm().run(x.numpy())
    got = program.to_vm().run(x.numpy())
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
    (reference,) = oracle.Oracle(program.save_bytes()).run([x.numpy()])
    np.testing.assert_array_equal(got.view(np.uint32), reference.view(np.uint32))


def test_the_float32_machine_keeps_to_the_stored_weights(layer):
    narrow, rounded, x, _ = layer
    vm = to_nnir(narrow, x).to_program(Config.amd_v80_c6b32()).to_vm(bit_accurate=False)
    with torch.no_grad():
        expected = rounded(x).numpy()
    np.testing.assert_allclose(vm.run(x.numpy()), expected, rtol=0, atol=2e-6)


def test_streams_whole_sequences_and_loaded_programs_agree(layer):
    narrow, _, x, time = layer
    nnir = to_nnir(narrow, x)
    whole = nnir.to_program(Config.amd_v80_c6b32()).to_vm().run(x.numpy())
    streamed, output_axis = nnir.streaming_transform(time)
    program = streamed.to_program(Config.amd_v80_c6b32())
    steps = program.to_vm().run_timesteps(x.numpy(), time, output_axis)
    np.testing.assert_array_equal(steps.view(np.uint32), whole.view(np.uint32))
    loaded = Program.load_bytes(program.save_bytes())
    assert loaded.save_bytes() == program.save_bytes()
    assert loaded.metrics() == program.metrics()
    again = loaded.to_vm().run_timesteps(x.numpy(), time, output_axis)
    assert again.tobytes() == whole.tobytes()


@pytest.mark.parametrize("options", [{}, {"num_streams": 5}])
def test_every_code_is_its_value(options):
    """Infinities, NaNs and subnormals among them."""
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    extremes = torch.tensor([448.1, 464, 1e9, np.inf, -np.inf, 2**-10, -(2**-10), 2**-10 * 1.01])
    layer = nn.Linear(88, 96)
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        values = torch.cat([codes, extremes])
        # A NaN in each of the first rows, none in the others.
        layer.weight.copy_(values[torch.randint(127, layer.weight.shape, generator=random)])
        layer.weight[48:] *= -1
        layer.weight[:, 40:48] = extremes
        layer.weight[5:15, 3] = codes[127]
        layer.weight[15:25, 3] = codes[255]
    program = to_nnir(InFp8(layer), torch.zeros(88)).to_program(Config.amd_v80_c6b32())
    x = np.random.default_rng(3).normal(size=(5, 88)).astype(np.float32)
    vm = program.to_vm(**options)
    got = vm.run(x) if options.get("num_streams") else np.stack([vm.run(row) for row in x])
    reference = oracle.Oracle(program.save_bytes())
    expected = np.concatenate([reference.run([row]) for row in x])
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
    assert np.isnan(got).any(axis=0).sum() == 20


@pytest.mark.parametrize(
    ("outputs", "bf16", "fp8"), [(64, [2], [1]), (96, [3], [2]), (32, [1], [1])]
)
def test_two_fp8_blocks_take_the_place_of_one(outputs, bf16, fp8):
    board = small_board(1, 4)
    model, x = nn.Linear(32, outputs), torch.zeros(32)
    assert to_nnir(model, x).to_program(board).metrics().weight_store_used == bf16
    assert to_nnir(InFp8(model), x).to_program(board).metrics().weight_store_used == fp8


def test_blocks_of_both_formats_add_up():
    model = nn.Sequential(InFp8(nn.Linear(32, 96)), nn.Linear(96, 32))
    program = to_nnir(model, torch.zeros(32)).to_program(small_board(1, 5))
    assert program.metrics().weight_store_used == [2 + 3]


def test_twice_the_weights_fit():
    board = small_board(6, 6)
    model, x = nn.Sequential(nn.Linear(192, 192), nn.Linear(192, 192)), torch.randn(192)
    with pytest.raises(AllocationError, match=r"need 72, have 36"):
        to_nnir(model, x).to_program(board)
    program = to_nnir(InFp8(model), x).to_program(board)
    assert program.metrics().weight_store_used == [6] * 6
    (reference,) = oracle.Oracle(program.save_bytes()).run([x.numpy()])
    np.testing.assert_array_equal(program.to_vm().run(x.numpy()), reference)
    board.weight_store_depth = 5
    with pytest.raises(AllocationError) as error:
        to_nnir(InFp8(model), x).to_program(board)
    assert str(error.value) == (
        "weight store of core 0: needs 6 blocks, has 5 (all 6 cores: need 36, have 30); use a "
        "larger config or fewer weights"
    )


def test_a_program_file_keeps_a_byte_for_each_weight():
    model, x = nn.Linear(512, 512), torch.zeros(512)
    board = Config.amd_v80_c6b32()
    bf16 = len(to_nnir(model, x).to_program(board).save_bytes())
    fp8 = len(to_nnir(InFp8(model), x).to_program(board).save_bytes())
    assert abs(bf16 - fp8 - 3 * 512 * 512) < 64


def test_a_printed_model_shows_the_format():
    model = nn.Sequential(InFp8(nn.Linear(50, 40)), nn.Linear(40, 30))
    text = str(to_nnir(model, torch.zeros(4, 50)))
    assert "Linear(weight: (40, 50), weight_precision: Fp8, bias: 40, " in text
    assert "Linear(weight: (30, 40), weight_precision: Bf16, bias: 30, " in text


@pytest.mark.parametrize("preset", ["bittware_ia420f_c6b32", "silicom_artena_c8b32"])
def test_a_board_without_fp8_refuses_it(preset):
    nnir = to_nnir(nn.Sequential(InFp8(nn.Linear(50, 40))), torch.zeros(50))
    with pytest.raises(ValueError) as error:
        nnir.to_program(getattr(Config, preset)())
    assert str(error.value) == (
        f"_0_model (Linear): FP8 weights need a board that has them, and {preset} does not; use a "
        "V80 or leave Fp8Weights out"
    )


@pytest.mark.parametrize(
    ("function", "place"),
    [
        (lambda x: F.linear(x, x), "linear (MatMul)"),
        (lambda x: x @ x, "matmul (MatMul)"),
        (lambda x: torch.matmul(x, x), "matmul (MatMul)"),
    ],
)
def test_a_weight_computed_at_run_time_is_refused(function, place):
    class Dynamic(nn.Module):
        def forward(self, x):
            with vollo_torch.Fp8Weights():
                return function(x)

    nnir = to_nnir(Dynamic(), torch.zeros(4, 4))
    with pytest.raises(ValueError) as error:
        nnir.to_program(Config.amd_v80_c6b32(), allow_dynamic_weights=True)
    assert str(error.value) == (
        f"{place}: its weight is computed at run time, and only constant weights are stored as "
        "FP8; give a parameter, or move it out of Fp8Weights"
    )


def test_what_has_no_weights_needs_no_board_for_them():
    class InContext(nn.Module):
        def forward(self, x):
            with vollo_torch.Fp8Weights():
                return torch.relu(x) + x

    prepared, expected = vollo_torch.fx.prepare_shape(InContext(), torch.randn(1, 40))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    nnir.to_program(Config.bittware_ia420f_c6b32())
    assert expected.shape == (1, 40)
