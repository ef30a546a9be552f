"""A sweep compares models and boards in one table."""

import subprocess
import sys

import pytest
import torch
from torch import nn

import vollo_compiler
import vollo_torch

BOARDS = {
    "V80": vollo_compiler.Config.amd_v80_c6b32,
    "IA-420f": vollo_compiler.Config.bittware_ia420f_c6b32,
}


def nnir(width):
    model = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
    traced, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(width))
    return vollo_torch.fx.nnir.to_nnir(traced)


@pytest.fixture(scope="module")
def swept():
    boards = {name: make() for name, make in BOARDS.items()}
    models = {"small": nnir(64), "large": lambda: nnir(1536)}
    return vollo_compiler.sweep(models, boards, progress=False)


def test_every_model_is_compiled_for_every_board_in_order(swept):
    assert [(row.model, row.config) for row in swept] == [
        ("small", "V80"),
        ("small", "IA-420f"),
        ("large", "V80"),
        ("large", "IA-420f"),
    ]
    assert len(swept) == 4
    assert repr(swept) == "Sweep(4 rows, 3 fit)"


def test_a_row_holds_the_figures_of_its_program(swept):
    program = nnir(64).to_program(vollo_compiler.Config.amd_v80_c6b32())
    row = swept[0]
    assert row.cycles_spaced == program.cycle_count_per_inference()
    assert row.cycles_back_to_back == program.cycle_count_per_inference(spaced=False)
    assert row.compute_us == program.compute_duration_per_inference_us()
    assert row.host_us == program.host_duration_per_inference_us()
    assert row.weight_store == max(program.metrics().weight_store_used) / 4096


def test_a_model_that_does_not_fit_says_why(swept):
    row = swept[3]
    assert (row.fits, row.cycles_spaced) == (False, None)
    with pytest.raises(vollo_compiler.AllocationError) as refused:
        nnir(1536).to_program(vollo_compiler.Config.bittware_ia420f_c6b32())
    assert row.reason == str(refused.value)


def test_the_table_reads_well(swept):
    heading, first, *_, last = str(swept).splitlines()
    names = "model board spaced back to back compute us host us weights tensors"
    assert " ".join(heading.split()) == names
    assert first.split()[:2] == ["small", "V80"]
    assert last.startswith("large  IA-420f  does not fit: weight store of core ")
    assert swept._repr_html_().count("<tr>") == 5
    assert swept.to_dicts()[3]["fits"] is False


def test_options_go_to_every_compilation():
    boards = {"2 cores": vollo_compiler.Config.ip_core(2, 32)}
    with pytest.raises(TypeError, match="no_such_option"):
        vollo_compiler.sweep({"m": nnir(8)}, boards, progress=False, no_such_option=1)
    with pytest.raises(ValueError, match="configs"):
        vollo_compiler.sweep({"m": nnir(8)}, {})


def test_more_seeds_never_cost_cycles_and_quick_compile_takes_the_first():
    board = vollo_compiler.Config.amd_v80_c6b32()
    model = nnir(512)
    one = model.to_program(board).cycle_count_per_inference()
    seeds = list(range(6))
    best = model.to_program(board, random_seeds=seeds).cycle_count_per_inference()
    each = [model.to_program(board, random_seeds=[s]).cycle_count_per_inference() for s in seeds]
    assert best == min(each)
    assert each[0] == one
    quick = model.to_program(board, random_seeds=[3, 0], quick_compile=True)
    assert quick.cycle_count_per_inference() == each[3]


@pytest.mark.parametrize("capacity", [8, 32])
def test_seeds_are_compared_with_the_capacities_that_are_given(capacity):
    """The best placement for long queues waits longer than others in this model's short ones."""
    board = vollo_compiler.Config.amd_v80_c6b32()
    layers = torch.nn.Sequential(
        torch.nn.Linear(384, 320), torch.nn.Tanh(), torch.nn.Linear(320, 320)
    )
    prepared, _ = vollo_torch.fx.prepare_shape(layers, torch.zeros(6, 384))
    model = vollo_torch.fx.nnir.to_nnir(prepared)
    each = [
        model.to_program(board, random_seeds=[seed]).cycle_count_per_inference(capacity)
        for seed in range(8)
    ]
    best = model.to_program(board, random_seeds=range(8), write_queue_capacity=capacity)
    assert best.cycle_count_per_inference(capacity) == min(each)


def test_seeds_change_no_bits():
    board = vollo_compiler.Config.ip_core(4, 16)
    model = nnir(96)
    x = torch.randn(96).numpy()
    results = {
        model.to_program(board, random_seeds=[seed]).to_vm().run(x).tobytes() for seed in range(5)
    }
    assert len(results) == 1


def test_a_sweep_shows_its_bar_where_compiles_do(capsys, monkeypatch):
    boards = {"one": vollo_compiler.Config.ip_core(1, 8)}
    monkeypatch.setenv("NNIR_BRIDGE_PROGRESS", "on")
    vollo_compiler.sweep({"m": nnir(8)}, boards)
    assert "compiling" in capsys.readouterr().err
    monkeypatch.setenv("NNIR_BRIDGE_PROGRESS", "off")
    vollo_compiler.sweep({"m": nnir(8)}, boards)
    assert capsys.readouterr().err == ""
    with pytest.raises(TypeError) as raised:
        vollo_compiler.sweep({"m": nnir(8)}, boards, progress="yes")
    assert str(raised.value) == "progress: True or False is needed, got 'yes'"


def test_importing_warns_of_nothing_and_brings_no_bar():
    """tqdm's own notebook part would warn where there are no widgets."""
    script = "import sys, vollo_compiler; assert 'tqdm.auto' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
