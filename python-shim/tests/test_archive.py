import gzip
import pickle
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vollo_torch
from vollo_torch.fx import load, save


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8, bias=False))
        self.conv = vollo_torch.nn.PaddedConv1d(8, 8, 3, dilation=2)
        self.lstm = nn.LSTM(8, 4, 2)
        self.memory = vollo_torch.nn.RecurrentStateLSTM(
            4, 4, init_state=(torch.ones(1, 4), torch.ones(1, 4))
        )
        self.norm = vollo_torch.nn.RMSNorm(8)
        self.scale = nn.Parameter(torch.rand(8))
        self.register_buffer("offset", torch.rand(3, 8))

    def forward(self, x):
        with vollo_torch.Fp32Activations():
            x = self.fc(x) * self.scale + self.offset[1:2]
        x = F.gelu(self.norm(x.view(x.shape[0], -1))).clamp(max=float("inf"))
        x = self.conv(x.T[None])[0].transpose(0, 1)
        hidden, _ = self.lstm(x)
        return self.memory(hidden), torch.maximum(x[..., :4], hidden)


def test_a_loaded_module_computes_the_same(tmp_path):
    torch.manual_seed(3)
    model, x = Mixed().eval(), torch.randn(5, 8)
    save(model, x, tmp_path / "model.tar.gz")
    loaded, shape = load(tmp_path / "model.tar.gz")
    assert shape == x.shape
    assert [p.name for p in tmp_path.iterdir()] == ["model.tar.gz"]
    torch.testing.assert_close(loaded(x), model(x), rtol=0, atol=0)
    prepared, _ = vollo_torch.fx.prepare_shape(loaded, x)
    multiplied = next(node for node in prepared.graph.nodes if node.name == "mul")
    assert multiplied.meta["vollo_fp32_activations"]


class Scanning(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = vollo_torch.nn.LSTMCell(3, 4)
        self.scan = vollo_torch.nn.Scan(self.step)
        self.start = nn.ParameterList([torch.rand(4), torch.rand(4)])
        self.zeros = vollo_torch.nn.Zeros(4)

    def step(self, x, s):
        hidden, total = s
        with vollo_torch.Fp32Activations():
            total = total + hidden
        hidden = self.cell(x, hidden)
        return (total, self.cell(x, hidden)), [hidden, total]

    def forward(self, x):
        a, b = self.scan(x, self.start), self.zeros()
        return a[0] + b, a[1]


def test_a_loaded_scan_computes_the_same_and_keeps_its_contexts(tmp_path):
    torch.manual_seed(4)
    model, x = Scanning().eval(), torch.randn(5, 3)
    save(model, x, tmp_path / "model.tar.gz")
    loaded, _ = load(tmp_path / "model.tar.gz")
    expected = model(x)
    torch.testing.assert_close(loaded(x), expected, rtol=0, atol=0)
    for module in loaded.modules():
        if isinstance(module, vollo_torch.nn.LSTMCell):
            module.reset()
    prepared, again = vollo_torch.fx.prepare_shape(loaded, x)
    torch.testing.assert_close(again, expected, rtol=0, atol=0)
    step = next(n.meta["vollo_scan_step"] for n in prepared.graph.nodes if n.name == "scan")
    marks = {node.name: node.meta.get("vollo_fp32_activations") for node in step.graph.nodes}
    assert marks["add"]
    assert not marks["step_cell"]


def test_a_layer_that_cannot_be_rebuilt_is_refused_before_a_file_is_written(tmp_path):
    layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(2, 1), 1, enable_nested_tensor=False)
    with pytest.raises(ValueError, match=r"torch\.nn\.TransformerEncoder cannot be archived"):
        save(nn.Sequential(layers).eval(), torch.zeros(3, 2), tmp_path / "model.tar.gz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", gzip.compress(b"x" * 2000), pickle.dumps({"a": 1})]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a readable module archive"):
        load(path)


def test_a_truncated_archive_is_refused(tmp_path):
    path = tmp_path / "model.tar.gz"
    save(nn.Linear(3, 3), torch.zeros(3), path)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 37):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="not a readable module archive"):
            load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.tar\.gz"):
        load(tmp_path / "absent.tar.gz")


def test_a_fresh_process_makes_the_same_nnir(tmp_path):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(8, 6), vollo_torch.nn.RMSNorm(6), nn.Sigmoid())
    x = torch.randn(5, 8)
    save(model, x, tmp_path / "model.tar.gz")
    script = f"""
import torch, vollo_torch
module, shape = vollo_torch.fx.load({str(tmp_path / "model.tar.gz")!r})
prepared, _ = vollo_torch.fx.prepare_shape(module, torch.zeros(shape))
vollo_torch.fx.nnir.to_nnir(prepared).save({str(tmp_path / "model.nnir")!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    prepared, _ = vollo_torch.fx.prepare_shape(model, x)
    vollo_torch.fx.nnir.to_nnir(prepared).save(tmp_path / "own.nnir")
    assert (tmp_path / "model.nnir").read_bytes() == (tmp_path / "own.nnir").read_bytes()
