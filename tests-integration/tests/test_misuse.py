"""Calls with arguments that are none: each has an error that names the argument and its value."""

import copy
import os
import pickle
import stat
import threading

import numpy as np
import pytest
import torch
from torch import nn

import nnir_bridge
import vollo_compiler
import vollo_torch
from vollo_compiler import (
    Config,
    LoadError,
    NumberFormat,
    Program,
    ProgramBuilder,
    SaveError,
)
from vollo_torch import CorePartition, Fp8Weights
from vollo_torch.nn import PaddedConv1d, RecurrentStateLSTM, RMSNorm, Scan

BOARD = Config.amd_v80_c6b32()


@pytest.fixture(scope="module")
def prepared():
    torch.manual_seed(0)
    return vollo_torch.fx.prepare_shape(PaddedConv1d(4, 4, 3), torch.zeros(4, 6))[0]


@pytest.fixture(scope="module")
def nnir(prepared):
    return vollo_torch.fx.nnir.to_nnir(prepared)


@pytest.fixture(scope="module")
def program(nnir):
    return nnir.streaming_transform(1)[0].to_program(BOARD, "conv", generate_state_reset=True)


def refused(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert type(raised.value) is error
    assert str(raised.value) == message


STEP = np.ones(4, np.float32)
OF_PROGRAMS = [
    (
        lambda p: p.cycle_count_per_inference(spaced=None),
        "spaced: True or False is needed, got None",
    ),
    (
        lambda p: p.compute_duration_per_inference_us("fast"),
        "clock_mhz: a number is needed, got 'fast'",
    ),
    (lambda p: p.to_vm(bit_accurate="no"), "bit_accurate: True or False is needed, got 'no'"),
    (lambda p: p.to_vm(no_compute=2), "no_compute: True or False is needed, got 2"),
    (
        lambda p: p.to_vm().run(STEP, f32_round="even"),
        "f32_round: True or False is needed, got 'even'",
    ),
    (
        lambda p: p.to_vm().run_timesteps(np.ones((4, 3), np.float32), 1, 1, f32_round=None),
        "f32_round: True or False is needed, got None",
    ),
    (
        lambda p: copy.deepcopy(p.to_vm()),
        "a VM cannot be copied or pickled; make another with Program.to_vm and move its state with "
        "snapshot and restore",
    ),
]


@pytest.mark.parametrize(("call", "message"), OF_PROGRAMS)
def test_calls_of_programs_and_machines(call, message, program):
    refused(lambda: call(program), TypeError, message)


@pytest.mark.parametrize("clock", [0, -1.0, float("nan"), float("inf")])
def test_a_clock_is_positive_and_finite(clock, program):
    refused(
        lambda: program.compute_duration_per_inference_us(clock),
        ValueError,
        f"clock_mhz: a positive number is needed, got {clock!r}",
    )
    assert type(program.compute_duration_per_inference_us(np.float32(300))) is float


OPTIONS = [
    ({"name": 3}, TypeError, "name: a string is needed, got 3"),
    ({"random_seeds": 3}, TypeError, "random_seeds: a sequence of integers is needed, got 3"),
    ({"random_seeds": ["a"]}, TypeError, "random_seeds[0]: an integer is needed, got 'a'"),
    ({"quick_compile": "no"}, TypeError, "quick_compile: True or False is needed, got 'no'"),
    ({"max_sparse_entries": None}, TypeError, "max_sparse_entries: an integer is needed, got None"),
    (
        {"generate_state_reset": None},
        TypeError,
        "generate_state_reset: True or False is needed, got None",
    ),
]
OF_BUILDERS = [
    *OPTIONS,
    ({"core_indices": 3}, TypeError, "core_indices: a sequence of integers is needed, got 3"),
    (
        {"core_indices": []},
        ValueError,
        "core_indices: at least one core is needed; None means all",
    ),
    (
        {"core_indices": [0, 9]},
        ValueError,
        "core_indices: there is no core 9; amd_v80_c6b32 has cores 0 to 5",
    ),
    (
        {"write_queue_capacity": 0},
        ValueError,
        "write_queue_capacity: 0 is too small; at least 1 is needed",
    ),
]


@pytest.mark.parametrize(("options", "error", "message"), OPTIONS)
def test_options_of_a_compilation(options, error, message, nnir):
    refused(lambda: nnir.to_program(BOARD, **options), error, message)


@pytest.mark.parametrize(("options", "error", "message"), OF_BUILDERS)
def test_a_builder_refuses_at_once_and_is_as_before(options, error, message, nnir):
    builder = ProgramBuilder(BOARD)
    builder.add_nnir(nnir, "first")
    refused(lambda: builder.add_nnir(nnir, **options), error, message)
    assert len(builder) == 1 and repr(builder) == "ProgramBuilder(first)"
    assert builder.to_program().num_models() == 1


def test_options_in_numpys_types(nnir):
    usual = nnir.to_program(BOARD).save_bytes()
    assert nnir.to_program(BOARD, random_seeds=np.array([0])).save_bytes() == usual
    assert nnir.to_program(BOARD, random_seeds=(2**62,)).num_models() == 1
    assert nnir.to_program(BOARD, quick_compile=np.bool_(True)).save_bytes() == usual
    assert nnir.streaming_transform(np.array([1]))[1] == 1
    vm = nnir.streaming_transform(1)[0].to_program(BOARD).to_vm()
    assert vm.run_timesteps(np.ones((4, 3), np.float32), np.array([1]), np.int64(0)).shape == (3, 4)


def test_too_small_a_queue_stops_no_compilation_of_several_seeds():
    """Which program waits for ever with it depends on the seed; its estimate says so."""
    layers = nn.Sequential(nn.Linear(128, 1024), nn.Tanh(), nn.Linear(1024, 64))
    traced, _ = vollo_torch.fx.prepare_shape(layers, torch.zeros(4, 128))
    wide = vollo_torch.fx.nnir.to_nnir(traced)
    program = wide.to_program(BOARD, random_seeds=[0, 1], write_queue_capacity=1)
    assert program.cycle_count_per_inference() > 0
    with pytest.raises(
        ValueError, match="its cores wait for each other for ever; use a larger one"
    ):
        program.cycle_count_per_inference(write_queue_capacity=1)


def test_what_a_program_tells_is_a_copy(program):
    program.hw_config().features.append("other")
    program.hw_config().timing.clear()
    program.metrics().num_instrs.clear()
    program.cycle_summary_per_inference().clear()
    assert program.hw_config() == BOARD
    assert len(program.metrics().num_instrs) == 6
    assert program.cycle_summary_per_inference()


def test_models_and_programs_can_be_pickled_and_copied(nnir, program):
    for duplicate in (pickle.loads(pickle.dumps(program)), copy.deepcopy(program)):
        assert duplicate.save_bytes() == program.save_bytes()
    for duplicate in (pickle.loads(pickle.dumps(nnir)), copy.deepcopy(nnir)):
        assert str(duplicate) == str(nnir)
    for config in (BOARD, copy.deepcopy(BOARD)):
        assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize("argument", ["inputs_precisions", "outputs_precisions"])
@pytest.mark.parametrize("value", [None, 3, "FP32"])
def test_precisions_are_number_formats(argument, value, prepared):
    refused(
        lambda: vollo_torch.fx.nnir.to_nnir(prepared, **{argument: value}),
        TypeError,
        f"{argument}: a NumberFormat or a sequence of them, got {value!r}",
    )
    refused(
        lambda: vollo_torch.fx.nnir.to_nnir(prepared, **{argument: ["FP32"]}),
        TypeError,
        f"{argument}: a vollo_compiler.NumberFormat, got 'FP32'",
    )


STATE = torch.zeros(2, 4)
LAYERS = [
    (lambda: Scan(3), TypeError, "Scan: the step is a module or a callable, got 3"),
    (
        lambda: Scan(lambda x, s: (x, s))(torch.zeros(5, 2), torch.zeros(2), 2),
        ValueError,
        "Scan: input_axis=2 does not exist in shape [5, 2]",
    ),
    (lambda: RMSNorm("8"), TypeError, "normalized_shape: an integer is needed, got '8'"),
    (lambda: RMSNorm(None), TypeError, "normalized_shape: an integer is needed, got None"),
    (
        lambda: RecurrentStateLSTM(3, 4, init_state=STATE[0]),
        TypeError,
        "RecurrentStateLSTM: init_state is a pair of tensors (h, c), got Tensor",
    ),
    (
        lambda: RecurrentStateLSTM(3, 4, init_state=(STATE, STATE)),
        ValueError,
        "RecurrentStateLSTM: init_state has a part of shape [2, 4]; [1, 4] or [1, batch, 4] is "
        "needed",
    ),
    (
        lambda: CorePartition(3),
        TypeError,
        "CorePartition: cores is a sequence of integers, got 3",
    ),
    (lambda: CorePartition([0], "x"), TypeError, "override: True or False is needed, got 'x'"),
    (
        lambda: Fp8Weights().__exit__(None, None, None),
        ValueError,
        "Fp8Weights: it is left without having been entered here; use `with`",
    ),
    (
        lambda: nnir_bridge.show_progress("on"),
        TypeError,
        "enabled: True, False or None is needed, got 'on'",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), LAYERS)
def test_layers_and_contexts(call, error, message):
    refused(call, error, message)
    with CorePartition([0, 1]), CorePartition([1]):
        pass


def test_indices_and_extents_may_be_numpys():
    assert CorePartition(np.array([2, 0])).cores == (0, 2)
    assert repr(CorePartition([np.int64(1)], override=True)) == "CorePartition([1], override=True)"
    assert str(RMSNorm(np.int64(3))) == "RMSNorm((3,), eps=1e-05, elementwise_affine=True)"


class Listed(nn.Module):
    def forward(self, x):
        return [x + 1, x * 2]


def test_a_list_of_outputs_comes_back_as_a_tuple():
    traced, outputs = vollo_torch.fx.prepare_shape(Listed(), torch.zeros(3))
    assert type(outputs) is tuple and len(outputs) == 2
    assert vollo_torch.fx.nnir.to_nnir(traced).to_program(BOARD).model_num_outputs() == 2


def test_files_that_cannot_be(program, nnir, tmp_path):
    linear = nn.Linear(2, 2)
    missing = tmp_path / "none" / "file"
    for save, error in (
        (program.save, SaveError),
        (nnir.save, SaveError),
        (BOARD.save, OSError),
        (lambda path: vollo_torch.fx.save(linear, torch.zeros(2), path), OSError),
    ):
        for path, reason in ((missing, "No such file or directory"), (tmp_path, "Is a directory")):
            with pytest.raises(error) as raised:
                save(path)
            assert reason in str(raised.value) and str(path) in str(raised.value)
            assert f"{path.name}." not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
    for load, error in (
        (Program.load, LoadError),
        (type(nnir).load, LoadError),
        (Config.load, OSError),
        (vollo_torch.fx.load, OSError),
    ):
        for path, reason in ((missing, "No such file or directory"), (tmp_path, "Is a directory")):
            with pytest.raises(error) as raised:
                load(path)
            assert reason in str(raised.value) and str(path) in str(raised.value)
    refused(
        lambda: program.save("a\0b"),
        SaveError,
        "a\0b: the program could not be written: embedded null byte",
    )
    refused(
        lambda: Program.load("a\0b"),
        LoadError,
        "a\0b: the program could not be read: embedded null byte",
    )


def test_links_are_followed_and_devices_written_to(program, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "real.vollo").write_bytes(b"old")
    (tmp_path / "link.vollo").symlink_to("here/real.vollo")
    program.save(tmp_path / "link.vollo")
    assert (tmp_path / "link.vollo").is_symlink()
    assert (tmp_path / "here" / "real.vollo").read_bytes() == program.save_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    program.save(pipe)
    reader.join(timeout=30)
    assert received == [program.save_bytes()]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_extensions_of_programs_and_sweeps(program, nnir):
    boards = {"v80": BOARD}
    for call, message in (
        (lambda: program.with_timing(3), "timing: a mapping of names to integers is needed, got 3"),
        (lambda: vollo_compiler.sweep(3, boards), "sweep: models is a mapping from names, got 3"),
        (
            lambda: vollo_compiler.sweep({"m": nnir}, []),
            "sweep: configs is a mapping from names, got []",
        ),
        (
            lambda: vollo_compiler.sweep({"m": 3}, boards, progress=False),
            "sweep: m is no NNIR and makes none: 3",
        ),
        (
            lambda: vollo_compiler.sweep({"m": lambda: None}, boards, progress=False),
            "sweep: m is no NNIR and makes none: None",
        ),
    ):
        refused(call, TypeError, message)


def test_a_configuration_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "board.json"
    BOARD.save(path)
    before = path.read_bytes()
    path.chmod(0o640)
    wrong = Config.amd_v80_c6b32()
    wrong.weight_store_depth = "deep"
    refused(
        lambda: wrong.save(path),
        ValueError,
        'config: weight_store_depth is "deep"; an integer of 32 bits is needed',
    )
    assert path.read_bytes() == before
    BOARD.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.write_text(before.decode().replace('"num_cores": 6', '"num_cores": 99'))
    refused(
        lambda: Config.load(path),
        ValueError,
        f"{path}: config: num_cores is 99; it must be from 1 to 31",
    )
    refused(
        lambda: Config.load(path, "no"),
        TypeError,
        "check_version_matches: True or False is needed, got 'no'",
    )


CONFIGS = [
    (
        {"clock_mhz": 312.5},
        ValueError,
        "config: clock_mhz is 312.5; an integer of 32 bits is needed",
    ),
    ({"features": "fp8"}, ValueError, 'config: features is "fp8"; a list is needed'),
    (
        {"features": ["fp9"]},
        ValueError,
        'config: feature fp9 is not known; use "fp8" or "lstm_only"',
    ),
    (
        {"timing": 3},
        TypeError,
        "timing: a mapping of names to integers is needed, got 3",
    ),
    (
        {"host": {"speed": 3}},
        ValueError,
        "config: host.speed is not known; the names are bytes_per_ns, round_trip_ns",
    ),
]


@pytest.mark.parametrize(("figures", "error", "message"), CONFIGS)
def test_figures_of_a_board(figures, error, message):
    refused(lambda: Config(2, 8, **figures), error, message)


def test_an_archive_that_is_no_tar(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    refused(
        lambda: vollo_torch.fx.load(path),
        ValueError,
        f"{path}: not a readable module archive: it holds no tar archive; it is empty or cut short",
    )


def test_number_formats_print_as_their_names():
    assert repr(NumberFormat.BF16) == "NumberFormat.BF16"
