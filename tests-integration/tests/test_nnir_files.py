"""A model that is saved and loaded prints alike and compiles to the same program."""

import json
import struct
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
import torch
from torch import nn

import vollo_torch
from damage import damaged_copies
from examples import CausalCnn, LstmTagger, ResidualMlp
from operators import CASES
from support_table import compiled, nnir_of
from vollo_compiler import NNIR, Config, LoadError, NumberFormat, SaveError

BOARD = Config.amd_v80_c6b32()


def lowered(model, *inputs, **precisions):
    prepared, _ = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared, **precisions)


class Contexts(nn.Module):
    """Precisions, partitions, FP8, a shared layer and one that keeps its state."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(16, 16)
        self.memory = vollo_torch.nn.RecurrentStateLSTM(16, 8, init_state=(torch.ones(1, 8),) * 2)
        self.scan = vollo_torch.nn.Scan(lambda x, s: (x + s, s * 0.1))

    def forward(self, x, y):
        with vollo_torch.CorePartition([0, 2]), vollo_torch.Fp8Weights():
            x = self.shared(x)
        with vollo_torch.Fp32Activations():
            x = torch.clamp(x, max=1e-3) * 1.1
        return self.memory(self.shared(x)), self.scan(y, torch.full((4,), 1 / 3))


def examples():
    torch.manual_seed(2)
    yield "mlp", lowered(ResidualMlp(), torch.randn(784))
    cnn = lowered(CausalCnn(), torch.randn(1, 32, 5))
    yield "cnn", cnn
    yield "streamed cnn", cnn.streaming_transform(2)[0]
    yield "lstm", lowered(LstmTagger(32, 48), torch.randn(3, 32))
    yield "both ways", lowered(vollo_torch.nn.LSTM(16, 8, bidirectional=True), torch.randn(3, 16))
    yield "streamed lstm", lowered(LstmTagger(), torch.randn(6, 128)).streaming_transform(0)[0]
    contexts = lowered(
        Contexts(), torch.randn(6, 16), torch.randn(6, 4), outputs_precisions=NumberFormat.FP32
    )
    yield "contexts streamed", contexts.streaming_transform([0, 0])[0]


def same(a, b):
    assert str(a) == str(b)
    assert a.to_program(BOARD).save_bytes() == b.to_program(BOARD).save_bytes()


@pytest.mark.parametrize(("name", "nnir"), [pytest.param(*e, id=e[0]) for e in examples()])
def test_examples(name, nnir, tmp_path):
    nnir.save(tmp_path / "model.nnir")
    loaded = NNIR.load(tmp_path / "model.nnir")
    same(loaded, nnir)
    loaded.save(tmp_path / "again.nnir")
    assert (tmp_path / "again.nnir").read_bytes() == (tmp_path / "model.nnir").read_bytes()


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_operator(case, tmp_path):
    nnir, _, _ = nnir_of(case)
    nnir.save(tmp_path / "model.nnir")
    loaded = NNIR.load(tmp_path / "model.nnir")
    assert str(loaded) == str(nnir)
    got, expected = (compiled(case, model, BOARD) for model in (loaded, nnir))
    if isinstance(expected, str):
        assert got == expected
    else:
        assert got.save_bytes() == expected.save_bytes()


def test_a_loaded_model_can_still_be_streamed(tmp_path):
    nnir = lowered(
        Contexts(), torch.randn(6, 16), torch.randn(6, 4), outputs_precisions=NumberFormat.FP32
    )
    nnir.save(tmp_path / "model.nnir")
    streamed, axes = NNIR.load(tmp_path / "model.nnir").streaming_transform([0, 0])
    expected, expected_axes = nnir.streaming_transform([0, 0])
    assert axes == expected_axes
    same(streamed, expected)


def test_a_fresh_process_without_torch_compiles_the_same(tmp_path):
    nnir = lowered(CausalCnn(), torch.randn(1, 32, 5))
    nnir.save(tmp_path / "model.nnir")
    script = f"""
import sys
sys.modules["torch"] = None
from vollo_compiler import NNIR, Config
nnir = NNIR.load({str(tmp_path / "model.nnir")!r})
print(nnir)
nnir.to_program(Config.amd_v80_c6b32()).save({str(tmp_path / "p.vollo")!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{nnir}\n"
    assert (tmp_path / "p.vollo").read_bytes() == nnir.to_program(BOARD).save_bytes()


def test_float32_attributes_keep_every_bit(tmp_path):
    bounds = np.random.default_rng(5).integers(1, 0x7F7FFFFF, 40).astype(np.uint32)
    for bound in bounds.view(np.float32):
        nnir = lowered(nn.Hardtanh(-float(bound), float(bound)), torch.zeros(3))
        nnir.save(tmp_path / "model.nnir")
        same(NNIR.load(tmp_path / "model.nnir"), nnir)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "model.nnir"
    lowered(CausalCnn(), torch.randn(1, 32, 5)).streaming_transform(2)[0].save(path)
    return path.read_bytes()


def refusal(path, data):
    path.write_bytes(data)
    with pytest.raises(LoadError) as raised:
        NNIR.load(path)
    prefix = f"{path}: "
    assert str(raised.value).startswith(prefix)
    return str(raised.value).removeprefix(prefix)


def test_damage_is_noticed(stored, tmp_path):
    path = tmp_path / "bad.nnir"
    assert refusal(path, b"not a model") == (
        "not a stored model: it does not start with its mark; give a file written by NNIR.save"
    )
    assert refusal(path, stored[:30]) == "the stored model is cut short: it has only 30 bytes"
    assert refusal(path, stored[:8] + b"\x02" + stored[9:]) == (
        "the stored model has format version 2, this release reads version 1; save it again"
    )
    damaged = (
        "the stored model is damaged: its checksum does not match its content; copy it again, or "
        "save it again"
    )
    for copy in damaged_copies(stored, flips=60, cuts=20):
        assert refusal(path, copy) == damaged


def resealed(stored, change):
    """Change the graph of a stored model and make its checksum fit again."""
    (length,) = struct.unpack("<q", stored[12:20])
    graph = json.loads(stored[20 : 20 + length])
    change(graph)
    text = json.dumps(graph).encode()
    content = stored[:12] + struct.pack("<q", len(text)) + text + stored[20 + length : -32]
    return content + sha256(content).digest()


def change(*path_and_value):
    *path, last, value = path_and_value

    def apply(graph):
        for key in path:
            graph = graph[key]
        if value is None:
            del graph[last]
        else:
            graph[last] = value

    return apply


INVALID = "the stored model's graph is not valid: "


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("nodes", 1, "id", 7), "node 1 has the id 7"),
        (change("nodes", 1, "inputs", [3]), " refers to node 3"),
        (change("nodes", 1, "inputs", [-1]), " refers to node -1"),
        (change("nodes", 0, "op", "index", 5), "x (Input) is input 5"),
        (change("nodes", 0, "type", "shape", [9]), "x (Input) has the type "),
        (change("states", 0, "source", 99), " refers to node 99"),
        (change("states", 0, "depth", 0), "reads what is not kept"),
        (change("states", 0, "initial", "shape", [1, 1]), "which is not its shape [1,1]"),
        (change("states", 0, "initial", "tensor", 99), "there is no tensor 99"),
        (change("outputs", []), "the model has no output"),
        (change("outputs", 0, "node", 1000), "an output refers to node 1000"),
        (change("outputs", 0, "format", "FP64"), "FP64"),
        (change("nodes", 0, "op", "op", "java.lang.Runtime"), "java.lang.Runtime"),
        (change("nodes", 0, "op", "op", None), "missing type id property 'op'"),
        (change("nodes", 1, "surprise", 1), "surprise"),
        (change("nodes", 1, "name", None), "name"),
        (change("states", None), "states"),
    ],
)
def test_a_graph_that_no_compiler_made_is_refused(stored, tmp_path, edit, message):
    refused = refusal(tmp_path / "bad.nnir", resealed(stored, edit))
    assert refused.startswith(INVALID)
    assert message in refused


def test_random_changes_of_the_graph_never_do_worse(stored, tmp_path):
    """A change may give another valid model; anything else has to be a LoadError."""
    random = np.random.default_rng(4)

    def scalars(value, path=()):
        if isinstance(value, dict | list):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                yield from scalars(item, (*path, key))
        else:
            yield path

    (length,) = struct.unpack("<q", stored[12:20])
    places = list(scalars(json.loads(stored[20 : 20 + length])))
    refused = 0
    for _ in range(200):
        place = places[random.integers(len(places))]
        value = [-1, 0, 3, 10**10, "x", [], {}, True, 0.5][random.integers(9)]
        (tmp_path / "bad.nnir").write_bytes(resealed(stored, change(*place, value)))
        try:
            NNIR.load(tmp_path / "bad.nnir")
        except LoadError:
            refused += 1
    assert refused > 100


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(LoadError) as raised:
        NNIR.load(tmp_path / "none.nnir")
    assert str(raised.value) == (
        f"{tmp_path / 'none.nnir'}: the model could not be read: No such file or directory"
    )
    nnir = lowered(nn.Linear(3, 3), torch.zeros(3))
    with pytest.raises(SaveError) as raised:
        nnir.save(tmp_path / "none" / "model.nnir")
    assert str(raised.value) == (
        f"{tmp_path / 'none' / 'model.nnir'}: the model could not be written: No such file or "
        "directory"
    )
