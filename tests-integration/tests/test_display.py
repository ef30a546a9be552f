"""What terminals and notebooks show of models, programs and figures, and of long work."""

import logging
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import nnir_bridge
import vollo_torch
from examples import CausalCnn
from nnir_bridge import _progress
from vollo_compiler import Config, ProgramBuilder, _drawing
from vollo_compiler._tables import bar

BOARD = Config.bittware_ia420f_c6b32()


@pytest.fixture(scope="module")
def nnir():
    torch.manual_seed(0)
    prepared, _ = vollo_torch.fx.prepare_shape(CausalCnn(), torch.randn(1, 32, 5))
    return vollo_torch.fx.nnir.to_nnir(prepared).streaming_transform(2)[0]


@pytest.fixture(scope="module")
def program(nnir):
    prepared, _ = vollo_torch.fx.prepare_shape(nn.Linear(64, 10), torch.randn(64))
    builder = ProgramBuilder(BOARD)
    builder.add_nnir(nnir, "cnn")
    builder.add_nnir(vollo_torch.fx.nnir.to_nnir(prepared), "<dense>")
    return builder.to_program()


def cells(html):
    """Return the rows of the tables, which have to be well-formed."""
    root = ElementTree.fromstring(f"<div>{html}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def test_a_model_is_a_sequence_of_its_nodes(nnir):
    nodes = list(nnir)
    assert len(nnir) == len(nodes)
    assert [node.id for node in nodes] == list(range(len(nodes)))
    assert nodes[0] == nnir[0]
    assert (nodes[0].operator, nodes[0].shape, nodes[0].inputs) == ("Input", (1, 32), ())
    for node in nodes:
        assert f"Id({node.id}) - ({node.name}) {node.operator}(" in str(nnir)
        assert all(attribute in str(nnir) for attribute in node.attributes)
        assert all(nodes[number].id < node.id for number in node.inputs)
    assert nnir[-1] == nodes[-1] and nnir[1:3] == nodes[1:3]
    for wrong in (len(nodes), -len(nodes) - 1):
        with pytest.raises(IndexError) as raised:
            nnir[wrong]
        assert str(raised.value) == (
            f"node_id: {wrong} is out of range; there are {len(nodes)} nodes"
        )


def test_a_model_in_a_notebook(nnir):
    rows = cells(nnir._repr_html_())
    assert rows[0] == ["id", "name", "operator", "attributes", "from", "shape"]
    assert [row[2] for row in rows[1:]] == [node.operator for node in nnir]
    assert [len(row[4].split()) for row in rows[1:]] == [len(node.inputs) for node in nnir]


def test_a_program_on_a_terminal(program):
    cnn, dense = (program.cycle_count_per_inference(model_index=i) for i in (0, 1))
    shown = re.sub(" +", " ", repr(program))
    assert shown == (
        "Program for bittware_ia420f_c6b32 (6 cores, block size 32, 320 MHz)\n"
        " model inputs outputs per inference at its clock\n"
        f" 0 cnn x [1, 32] BF16 second_conv [1, 1] BF16 {cnn} cycles {cnn / 320:.2f} us\n"
        f" 1 <dense> input [64] BF16 linear [10] BF16 {dense} cycles {dense / 320:.2f} us"
    ).replace("second_conv", program._summary["models"][0]["outputs"][0]["name"]).replace(
        "input [64]", f"{program._summary['models'][1]['inputs'][0]['name']} [64]"
    )
    assert len(program) == 2


def test_a_program_in_a_notebook(program):
    html = program._repr_html_()
    assert "<dense>" not in html
    rows = cells(html)
    assert [row[1] for row in rows[1:3]] == ["cnn", "<dense>"]
    metrics = program.metrics()
    for core, row in enumerate(rows[4:]):
        assert row[0] == str(core)
        used = f"{metrics.weight_store_used[core]} / {metrics.weight_store_depth}"
        assert row[1].strip() == used
    assert len(rows[4:]) == 6


def test_bars_show_what_is_used():
    assert "width:50.0%" in bar(2, 4) and "2 / 4" in bar(2, 4)
    assert "width:0.0%" in bar(0, 0)
    assert "width:100.0%" in bar(9, 4)


def test_a_machine_on_a_terminal(program):
    assert repr(program.to_vm(num_threads=1)) == "VM(cnn, <dense>, num_threads=1)"
    shown = repr(program.to_vm(num_threads=1, num_streams=3))
    assert shown == "VM(cnn, <dense>, num_threads=1, num_streams=3)"
    shown = repr(program.to_vm(bit_accurate=False, num_threads=1))
    assert shown == "VM(cnn, <dense>, bit_accurate=False, num_threads=1)"
    shown = repr(program.to_vm(no_compute=True, num_threads=1))
    assert shown == "VM(cnn, <dense>, no_compute=True, num_threads=1)"


def test_a_machine_in_a_notebook(program):
    html = program.to_vm(num_threads=1)._repr_html_()
    assert "<dense>" not in html
    assert cells(html) == [
        ["", "model", "inputs", "outputs", "state"],
        ["0", "cnn", "[1, 32]", "[1, 1]", "kept from inference to inference"],
        ["1", "<dense>", "[64]", "[10]", "none"],
    ]


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(_progress, "_DELAY_SECONDS", 0)
    monkeypatch.setattr(_progress, "_TICK_SECONDS", 0.01)
    nnir_bridge.show_progress(True)
    yield
    nnir_bridge.show_progress(None)


def test_long_runs_show_a_bar_and_give_the_same_bits(program, shown, capsys):
    x = np.random.default_rng(1).standard_normal((5000, 1, 32)).astype(np.float32)
    vm = program.to_vm()
    got = vm.run_timesteps(x, 0, 0)
    assert "time steps" in capsys.readouterr().err
    nnir_bridge.show_progress(False)
    expected = program.to_vm().run_timesteps(x, 0, 0)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
    assert capsys.readouterr().err == ""


def test_compiles_show_that_they_run(nnir, shown, capsys):
    nnir.to_program(BOARD, "named")
    assert "compiling named" in capsys.readouterr().err


def test_nothing_is_shown_where_nobody_looks(nnir, capsys, monkeypatch):
    monkeypatch.delenv("NNIR_BRIDGE_PROGRESS", raising=False)
    assert not _progress.is_shown()
    monkeypatch.setenv("NNIR_BRIDGE_PROGRESS", "on")
    assert _progress.is_shown()
    nnir_bridge.show_progress(False)
    assert not _progress.is_shown()
    nnir_bridge.show_progress(None)
    monkeypatch.setenv("NNIR_BRIDGE_PROGRESS", "off")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert not _progress.is_shown()


def test_both_logs_can_be_turned_up(nnir, caplog):
    before = nnir_bridge.gateway_log()
    nnir_bridge.set_log_level("DEBUG")
    try:
        nnir.to_program(BOARD, "logged")
    finally:
        nnir_bridge.set_log_level("INFO")
    assert re.search(
        r"compiled 1 models for bittware_ia420f_c6b32 in \d+ ms",
        nnir_bridge.gateway_log()[len(before) :],
    )
    assert any(re.match(r"compiled logged in \d", message) for message in caplog.messages)
    nnir_bridge.set_log_level("WARNING")
    caplog.clear()
    nnir.to_program(BOARD, "quiet")
    assert not caplog.messages
    logging.getLogger("nnir_bridge").setLevel(logging.NOTSET)
    with pytest.raises(ValueError) as raised:
        nnir_bridge.set_log_level("LOUD")
    assert str(raised.value) == (
        "level: LOUD is not one of DEBUG, INFO, WARNING, ERROR and CRITICAL"
    )
    with pytest.raises(TypeError) as raised:
        nnir_bridge.set_log_level(None)
    assert str(raised.value) == "level: a name or a number of a level is needed, got None"
    for level in (logging.ERROR, "critical"):
        nnir_bridge.set_log_level(level)
        assert logging.getLogger("nnir_bridge").level >= logging.ERROR
    nnir_bridge.set_log_level("INFO")
    logging.getLogger("nnir_bridge").setLevel(logging.NOTSET)


def test_a_drawing_has_a_box_for_each_node_and_a_line_for_each_operand(nnir):
    picture = ElementTree.fromstring(nnir.to_svg())
    name = "{http://www.w3.org/2000/svg}"
    boxes = picture.findall(f"{name}rect")
    assert len(boxes) == len(nnir)
    assert len(picture.findall(f"{name}path")) == sum(len(node.inputs) for node in nnir)
    titles = [line.text for line in picture.findall(f"{name}text")][::2]
    assert titles == [f"{node.id} {node.operator}" for node in nnir]
    row = {node.id: int(box.get("y")) for node, box in zip(nnir, boxes, strict=True)}
    assert all(row[source] < row[node.id] for node in nnir for source in node.inputs)
    places = [(box.get("x"), box.get("y")) for box in boxes]
    assert len(set(places)) == len(places)
    assert nnir._repr_html_().startswith("<svg ")


def test_a_drawing_escapes_names():
    box = _drawing.Box("a<b", "x & y", (), True)
    assert "a&lt;b" in _drawing.drawing([box])
    assert "x &amp; y" in _drawing.drawing([box])
