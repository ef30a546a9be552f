"""The explanation of the cycles accounts for all of them, and reads well."""

from itertools import pairwise

import matplotlib as mpl
import pytest
import torch
from torch import nn

import vollo_compiler
import vollo_torch
from families import nnir_of, published_rows

mpl.use("Agg")
FIRST_OF_FAMILY = list({row.family: row for row in reversed(published_rows()) if row.fits}.values())


def compiled(row):
    board = getattr(vollo_compiler.Config, row.preset)()
    return nnir_of(row).to_program(board, allow_dynamic_weights=True)


def small_program():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32), nn.Sigmoid())
    traced, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(64))
    nnir = vollo_torch.fx.nnir.to_nnir(traced)
    return nnir.to_program(vollo_compiler.Config.ip_core(2, 32), name="small")


@pytest.mark.parametrize("spaced", [True, False], ids=["spaced", "back to back"])
@pytest.mark.parametrize("row", FIRST_OF_FAMILY, ids=lambda row: row.family)
def test_the_critical_path_fills_all_cycles(row, spaced):
    program = compiled(row)
    explanation = program.explain(spaced=spaced)
    figures = explanation.to_dict()
    assert explanation.cycles == program.cycle_count_per_inference(spaced=spaced)
    path = figures["critical_path"]
    assert (path[0]["from"], path[-1]["to"]) == (0, explanation.cycles)
    assert all(before["to"] == after["from"] for before, after in pairwise(path))
    on_cores = sum(part["to"] - part["from"] for part in path if part["core"] >= 0)
    assert on_cores == sum(layer["critical_cycles"] for layer in figures["layers"])


@pytest.mark.parametrize("row", FIRST_OF_FAMILY, ids=lambda row: row.family)
def test_faster_units_never_cost_more_than_a_few_cycles(row):
    """The order of the instructions is the compiler's for the board as it is."""
    explanation = compiled(row).explain()
    least = explanation.to_dict()["if_least"]
    assert all(cycles <= explanation.cycles + 5 for cycles in least.values())
    assert min(least.values()) < explanation.cycles


def test_the_weight_blocks_of_a_layer_are_those_of_its_matrix():
    figures = small_program().explain().to_dict()
    products = {layer["name"]: sum(layer["products"]) for layer in figures["layers"]}
    assert products["_0 (Linear)"] == (64 // 32) * (96 // 32)
    assert products["_2 (Linear)"] == 96 // 32
    assert figures["cores"][0]["stores"]["weight_store"][1] == 512


def test_a_loaded_program_explains_itself_alike():
    program = small_program()
    loaded = vollo_compiler.Program.load_bytes(program.save_bytes())
    assert loaded.explain().to_dict() == program.explain().to_dict()


def test_the_text_names_operators_cores_and_what_would_help():
    explanation = small_program().explain()
    text = str(explanation)
    assert text.startswith(f"small: {explanation.cycles} cycles, spaced\n\ncritical path:\n")
    for heading in ("operators:", "cores:", "what would help:"):
        assert f"\n{heading}" in text
    assert "matrix   core" in text
    assert repr(explanation) == f"Explanation('small', cycles={explanation.cycles})"
    assert explanation._repr_html_().startswith("<pre>small: ")


def test_the_plot_has_a_row_for_each_unit_and_a_colour_for_each_operator():
    explanation = small_program().explain()
    axes = explanation.plot()
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert "core 0 matrix" in rows
    assert "core 1 matrix" in rows
    named = {text.get_text().strip() for text in axes.get_legend().get_texts()}
    drawn = {span["layer"] for span in explanation.to_dict()["timeline"]}
    assert named == drawn
    assert axes.get_xlim() == (0, explanation.cycles)


def test_a_model_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="model_index"):
        small_program().explain(model_index=1)
    with pytest.raises(ValueError, match="write_queue_capacity"):
        small_program().explain(write_queue_capacity=0)
