"""Bad models and calls, and every word that a user then reads.

``refusals.txt`` holds the texts; ``python3 tests-integration/tests/test_refusals.py`` in the
environment of the tests writes it anew, to be read before it is committed.
"""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vollo_torch
from vollo_compiler import AllocationError, Config, NumberFormat, ProgramBuilder

GOLDEN = Path(__file__).parent / "refusals.txt"
BOARD = Config.ip_core(2, 8)


class Applied(nn.Module):
    """A function as a model, with the modules that it calls."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *xs):
        return self.function(self, *xs)


def _nnir(function, *shapes, **modules):
    return _nnir_of(function, *(torch.zeros(shape) for shape in shapes), **modules)


def _nnir_of(function, *inputs, **modules):
    model = function if isinstance(function, nn.Module) else Applied(function, **modules)
    prepared, _ = vollo_torch.fx.prepare_shape(model, *inputs)
    return vollo_torch.fx.nnir.to_nnir(prepared)


def _outside_of_a_partition(x):
    with vollo_torch.CorePartition([0]), vollo_torch.CorePartition([1]):
        return x + 1


def _fp8_product(_, x):
    with vollo_torch.Fp8Weights():
        return x @ x


def _fp8_layer(model, x):
    with vollo_torch.Fp8Weights():
        return model.fc(x)


def _running_sum():
    return vollo_torch.nn.Scan(lambda x, s: (x + s, x + s))


BAD = {
    "groups": lambda: _nnir(lambda m, x: m.c(x), (1, 4, 8), c=nn.Conv1d(4, 4, 3, groups=2)),
    "padding mode": lambda: _nnir(
        lambda m, x: m.c(x), (1, 4, 8), c=nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")
    ),
    "conv1d stream": lambda: _nnir(
        lambda m, x: m.c(x), (1, 4, 8), c=nn.Conv1d(4, 4, 3)
    ).streaming_transform(2),
    "conv1d stream channels": lambda: _nnir(
        lambda m, x: m.c(x), (1, 4, 8), c=nn.Conv1d(4, 4, 3)
    ).streaming_transform(1),
    "strided convolution of a padded sequence": lambda: _nnir(
        lambda m, x: m.c(F.pad(x, (2, 0))), (1, 4, 8), c=nn.Conv1d(4, 4, 3, stride=2)
    ).streaming_transform(2),
    "ones padded": lambda: _nnir(
        lambda m, x: m.c(F.pad(x, (2, 0), value=1)), (1, 4, 8), c=nn.Conv1d(4, 4, 3)
    ).streaming_transform(2),
    "bidirectional": lambda: _nnir(
        lambda m, x: m.l(x)[0], (6, 4), l=nn.LSTM(4, 4, bidirectional=True)
    ).streaming_transform(0),
    "bidirectional gru": lambda: _nnir(
        lambda m, x: m.l(x)[0], (6, 4), l=nn.GRU(4, 4, bidirectional=True)
    ).streaming_transform(0),
    "proj": lambda: _nnir(lambda m, x: m.l(x)[0], (6, 4), l=nn.LSTM(4, 4, proj_size=2)),
    "lstm dropout": lambda: _nnir(
        lambda m, x: m.l(x)[0], (6, 4), l=nn.LSTM(4, 4, num_layers=2, dropout=0.5)
    ),
    "lstm nested": lambda: _nnir(nn.LSTM(4, 4), (6, 4)),
    "lstm last": lambda: _nnir(
        lambda m, x: m.l(x)[1][0], (6, 4), l=nn.LSTM(4, 4)
    ).streaming_transform(0),
    "lstm batch": lambda: _nnir(
        lambda m, x: m.l(x), (6, 2, 4), l=vollo_torch.nn.RecurrentStateLSTM(4, 4)
    ).streaming_transform(1),
    "lstm run-time state": lambda: _nnir(
        lambda m, x: m.l(x, (x[0, None, :4], x[1, None, :4]))[0], (6, 4), l=nn.LSTM(4, 4)
    ).streaming_transform(0),
    "lstm features": lambda: _nnir(
        lambda m, x: m.l(x)[0], (6, 4), l=nn.LSTM(4, 4)
    ).streaming_transform(1),
    "gru run-time": lambda: _nnir(
        lambda m, x: m.l(x, x[:1, :4])[0], (6, 4), l=nn.GRU(4, 4)
    ).streaming_transform(0),
    "sum time": lambda: _nnir(lambda m, x: x.sum(0), (6, 4)).streaming_transform(0),
    "mean time": lambda: _nnir(lambda m, x: x.mean(0), (6, 4)).streaming_transform(0),
    "softmax time": lambda: _nnir(lambda m, x: x.softmax(0), (6, 4)).streaming_transform(0),
    "rms time": lambda: _nnir(
        lambda m, x: m.n(x), (6, 4), n=nn.RMSNorm((6, 4))
    ).streaming_transform(0),
    "bn time": lambda: _nnir(
        Applied(lambda m, x: m.n(x), n=nn.BatchNorm1d(4)).eval(), (6, 4)
    ).streaming_transform(1),
    "linear time": lambda: _nnir(nn.Sequential(nn.Linear(4, 3)), (6, 4)).streaming_transform(1),
    "flip": lambda: _nnir(lambda m, x: x.flip(0), (6, 4)),
    "index_select time": lambda: _nnir(
        lambda m, x: x.index_select(0, torch.tensor([0, 2])), (6, 4)
    ).streaming_transform(0),
    "positions time": lambda: _nnir(lambda m, x: x[[1, 0]], (6, 4)).streaming_transform(0),
    "const varies": lambda: _nnir(
        lambda m, x: x + torch.arange(6.0)[:, None], (6, 4)
    ).streaming_transform(0),
    "broadcast time": lambda: _nnir(lambda m, x, y: x + y, (6, 4), (1, 4)).streaming_transform(
        [0, 1]
    ),
    "axes differ": lambda: _nnir(lambda m, x, y: x + y, (6, 6), (6, 6)).streaming_transform([0, 1]),
    "flatten time": lambda: _nnir(lambda m, x: x.flatten(), (6, 4)).streaming_transform(0),
    "too many axes": lambda: _nnir(lambda m, x: x + 1, (6, 4)).streaming_transform([0, 1]),
    "no axis": lambda: _nnir(lambda m, x: x + 1, (6, 4)).streaming_transform(2),
    "scalar": lambda: _nnir(lambda m, x: x + 1, ()).streaming_transform(0),
    "lengths": lambda: _nnir(lambda m, x, y: (x + 1, y + 1), (6, 4), (5, 4)).streaming_transform(
        [0, 0]
    ),
    "roll time": lambda: _nnir(lambda m, x: x.roll(1, 0), (6, 4)).streaming_transform(0),
    "roll dims": lambda: _nnir(lambda m, x: x.roll(1), (6, 4)),
    "pad mode": lambda: _nnir(lambda m, x: F.pad(x, (1, 1), mode="reflect"), (6, 4)),
    "pad all": lambda: _nnir(lambda m, x: F.pad(x, (-2, -2)), (6, 4)),
    "pad end": lambda: _nnir(lambda m, x: F.pad(x, (0, 0, 0, 1)), (6, 4)).streaming_transform(0),
    "cumsum lanes": lambda: _nnir(
        lambda m, x: m.l(x).cumsum(-1), (6, 4), l=nn.Linear(4, 4)
    ).to_program(BOARD),
    "logic of numbers": lambda: _nnir(lambda m, x: torch.where((x > 0) & x.bool(), x, 1.0), (6, 4)),
    "logical float": lambda: _nnir(
        lambda m, x: torch.where(torch.logical_and(x > 0, x), x, 1.0), (6, 4)
    ),
    "mask output": lambda: _nnir(lambda m, x: x > 0, (6, 4)),
    "mask sum": lambda: _nnir(lambda m, x: (x > 0).sum(), (6, 4)),
    "positions on two axes": lambda: _nnir(lambda m, x: x[[0, 1], [1, 2]], (6, 4)),
    "positions apart from an integer": lambda: _nnir(lambda m, x: x[0, :, [1, 2]], (3, 6, 4)),
    "run-time index": lambda: _nnir(lambda m, x: x[x[:, 0].long()], (3, 4)),
    "index of the run": lambda: _nnir(lambda m, x: x.index_select(0, x[:, 0]), (3, 4)),
    "dropout f": lambda: _nnir(lambda m, x: F.dropout(x), (3, 4)),
    "pooling with indices": lambda: _nnir(
        lambda m, x: F.max_pool1d(x, 2, return_indices=True)[0], (3, 4)
    ),
    "div mode": lambda: _nnir(lambda m, x: torch.div(x, 2, rounding_mode="floor"), (3, 4)),
    "softmax dim": lambda: _nnir(lambda m, x: F.softmax(x), (3, 4)),
    "softmax dtype": lambda: _nnir(lambda m, x: F.softmax(x, -1, dtype=torch.float64), (3, 4)),
    "repeat 0": lambda: _nnir(lambda m, x: x.repeat(0, 1), (3, 4)),
    "empty slice": lambda: _nnir(lambda m, x: x[3:], (3, 4)),
    "norm weight": lambda: _nnir(lambda m, x: F.rms_norm(x, (4,), x[0]), (3, 4)),
    "reshape merge": lambda: _nnir(
        lambda m, x: m.l(x).mT.reshape(12), (3, 4), l=nn.Linear(4, 4)
    ).to_program(BOARD),
    "add layouts": lambda: _nnir(
        lambda m, x: m.l(x) + m.l(x).T, (4, 4), l=nn.Linear(4, 4)
    ).to_program(BOARD),
    "cat layouts": lambda: _nnir(
        lambda m, x: torch.cat([m.l(x), m.l(x).T]), (4, 4), l=nn.Linear(4, 4)
    ).to_program(BOARD),
    "where layouts": lambda: _nnir(
        lambda m, x: torch.where(m.l(x) > m.l(x).T, x, 0.0), (4, 4), l=nn.Linear(4, 4)
    ).to_program(BOARD),
    "attention": lambda: _nnir(
        lambda m, x: m.q(x) @ m.k(x).T, (5, 4), q=nn.Linear(4, 4), k=nn.Linear(4, 4)
    ).to_program(BOARD, allow_dynamic_weights=True),
    "weights too many": lambda: _nnir(
        nn.Sequential(nn.Linear(2048, 2048, bias=False)), (2048,)
    ).to_program(Config.bittware_ia420f_c6b32()),
    "artena lstm": lambda: _nnir(nn.Sequential(nn.Linear(4, 4)), (4,)).to_program(
        Config.silicom_artena_c8b32lstm()
    ),
    "core_indices": lambda: (
        lambda b: (
            b.add_nnir(_nnir(nn.Sequential(nn.Linear(4, 4)), (4,)), core_indices=[2])
            or b.to_program()
        )
    )(ProgramBuilder(BOARD)),
    "empty program": lambda: ProgramBuilder(BOARD).to_program(),
    "input precisions": lambda: vollo_torch.fx.nnir.to_nnir(
        vollo_torch.fx.prepare_shape(nn.ReLU(), torch.zeros(3))[0], [NumberFormat.BF16] * 2
    ),
    "output precisions": lambda: vollo_torch.fx.nnir.to_nnir(
        vollo_torch.fx.prepare_shape(nn.ReLU(), torch.zeros(3))[0],
        NumberFormat.BF16,
        [NumberFormat.BF16] * 2,
    ),
    "partition outside of another": lambda: _nnir(lambda m, x: _outside_of_a_partition(x), (3,)),
    "unsupported module": lambda: _nnir(
        nn.Sequential(nn.Conv2d(1, 1, 1), nn.TransformerEncoderLayer(4, 1)), (1, 4, 4)
    ),
    "control flow": lambda: _nnir(lambda m, x: x if x.sum() > 0 else -x, (3,)),
    "loop": lambda: _nnir(lambda m, x: sum(row for row in x), (3, 4)),
    "wrong features": lambda: _nnir(nn.Sequential(nn.Linear(4, 4)), (3, 5)),
    "vector product": lambda: _nnir(lambda m, x, y: x @ y, (5,), (5,)).to_program(
        BOARD, allow_dynamic_weights=True
    ),
    "maximum of one tensor": lambda: _nnir(lambda m, x: x.max(), (3, 4)),
    "double": lambda: _nnir(lambda m, x: x.double(), (3, 4)),
    "a pair of one": lambda: _nnir(lambda m, x: m.l(x, (x[0],))[0], (3, 4), l=nn.LSTMCell(4, 4)),
    "dictionary as output": lambda: _nnir(lambda m, x: {"a": x}, (3,)),
    "number output": lambda: _nnir(lambda m, x: (x, 1.5), (3,)),
    "tensor of other": lambda: _nnir(lambda m, x: x * torch.tensor([1 + 2j]), (3,)),
    "mask of booleans as index": lambda: _nnir(
        lambda m, x: x[torch.tensor([True, False, True])], (3, 4)
    ),
    "dynamic weights not allowed": lambda: _nnir(lambda m, x, y: x @ y, (4, 5), (5, 6)).to_program(
        BOARD
    ),
    "dynamic weights in FP8": lambda: _nnir(_fp8_product, (4, 4)).to_program(
        Config.amd_v80_c6b32()
    ),
    "FP8 without it": lambda: _nnir(_fp8_layer, (4, 4), fc=nn.Linear(4, 4)).to_program(BOARD),
    "constant along another axis": lambda: _nnir(
        lambda m, x: torch.ones(3, 4) @ m.l(x), (4, 5), l=nn.Linear(5, 5)
    ).to_program(BOARD),
    "product over time": lambda: _nnir(lambda m, x: x.T @ x, (4, 5)).streaming_transform(0),
    "attention over time": lambda: _nnir(lambda m, x: x @ x.T, (4, 5)).streaming_transform(0),
    "scan not streamed": lambda: _nnir(
        lambda m, x: m.s(x, torch.zeros(4)), (3, 4), s=_running_sum()
    ).to_program(BOARD),
    "scan over another axis": lambda: _nnir(
        lambda m, x: m.s(x, torch.zeros(4)), (3, 4), s=_running_sum()
    ).streaming_transform(1),
    "state of the run": lambda: _nnir(lambda m, x: m.s(x, x[0]), (3, 4), s=_running_sum()),
    "streamed twice": lambda: (
        _nnir(lambda m, x: m.s(x, torch.zeros(4)), (3, 4), s=_running_sum())
        .streaming_transform(0)[0]
        .streaming_transform(0)
    ),
    "GRU features over time": lambda: _nnir(
        lambda m, x: m.l(x)[0], (6, 4), l=nn.GRU(4, 4)
    ).streaming_transform(1),
    "cell along time": lambda: _nnir(
        lambda m, x: m.l(x, torch.zeros(6, 4)), (6, 4), l=vollo_torch.nn.LSTMCell(4, 4)
    ).streaming_transform(0),
    "outputs of part of the steps": lambda: _nnir(lambda m, x: x[:-1], (6, 4)).streaming_transform(
        0
    ),
    "pooling over time": lambda: _nnir(lambda m, x: F.max_pool1d(x, 2), (3, 6)).streaming_transform(
        1
    ),
    "cumulative sum of a comparison": lambda: _nnir(lambda m, x: (x > 0).cumsum(0), (3, 4)),
    "batch normalization in training": lambda: _nnir(
        lambda m, x: m.n(x), (3, 4), n=nn.BatchNorm1d(4)
    ),
    "integers as input": lambda: _nnir_of(lambda m, x: x * 2, torch.tensor([1, 2])),
    "complex input": lambda: _nnir_of(lambda m, x: x * 2, torch.zeros(3, dtype=torch.complex64)),
    "a layer with hooks": lambda: _nnir(
        lambda m, x: m.fc(x), (3, 4), fc=nn.utils.weight_norm(nn.Linear(4, 4))
    ),
    "a layer of another package": lambda: _nnir(
        lambda m, x: m.fc(x), (3, 4), fc=torch.ao.nn.quantized.dynamic.Linear(4, 4)
    ),
    "a scripted model": lambda: _nnir(torch.jit.script(nn.Linear(4, 4)), (3, 4)),
    "a compiled model": lambda: _nnir(torch.compile(nn.Linear(4, 4)), (3, 4)),
    "a step without a new state": lambda: _nnir(
        lambda m, x: m.s(x, torch.zeros(4)), (3, 4), s=vollo_torch.nn.Scan(lambda x, s: x + s)
    ),
    "a step with three results": lambda: _nnir(
        lambda m, x: m.s(x, torch.zeros(4)), (3, 4), s=vollo_torch.nn.Scan(lambda x, s: (x, s, s))
    ),
    "no step": lambda: vollo_torch.nn.Scan(3),
    "no axis to scan": lambda: _nnir(
        lambda m, x: m.s(x, torch.zeros(4), input_axis=2), (3, 4), s=_running_sum()
    ),
    "a step with control flow": lambda: _nnir(
        lambda m, x: m.s(x, torch.zeros(4)),
        (3, 4),
        s=vollo_torch.nn.Scan(lambda x, s: (x, s) if s.sum() > 0 else (s, x)),
    ),
    "a state in two layouts": lambda: (
        _nnir(
            lambda m, x: m.s(x, torch.zeros(4, 4)),
            (3, 4, 4),
            s=vollo_torch.nn.Scan(lambda x, s: (x + s, s.T)),
        )
        .streaming_transform(0)[0]
        .to_program(BOARD)
    ),
    "no initial pair": lambda: vollo_torch.nn.RecurrentStateLSTM(
        4, 4, init_state=torch.zeros(1, 4)
    ),
    "the first step": lambda: _nnir(lambda m, x: x + x[0], (6, 4)).streaming_transform(0),
    "the last step": lambda: _nnir(lambda m, x: x[-1], (6, 4)).streaming_transform(0),
    "differences of steps": lambda: _nnir(
        lambda m, x: torch.cat([torch.zeros(1, 4), x[1:] - x[:-1]]), (6, 4)
    ).streaming_transform(0),
    "positions in time": lambda: _nnir(
        lambda m, x: x + torch.arange(9.0)[: x.shape[0], None], (6, 4)
    ).streaming_transform(0),
    "an output of constants": lambda: _nnir(
        lambda m, x: (x, torch.ones(4) * 2), (6, 4)
    ).streaming_transform(0),
    "a buffer changed by the input": lambda: _nnir(
        lambda m, x: m.n.running_mean.add_(x), (4,), n=nn.BatchNorm1d(4)
    ),
    "one core": lambda: vollo_torch.CorePartition(0),
    "dropout in training": lambda: _nnir(lambda m, x: m.d(x), (3, 4), d=nn.Dropout()),
}


def _text_of(name):
    try:
        BAD[name]()
    except (ValueError, TypeError, AllocationError) as refusal:
        text = f"{type(refusal).__name__}: {refusal}"
        return "\n".join(line for line in text.splitlines() if not line.startswith("  at "))
    return "nothing"


def _golden():
    blocks = GOLDEN.read_text(encoding="utf-8").strip().split("\n\n")
    return dict(block.split("\n", 1) for block in blocks)


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_says_where_what_and_the_way_out(name):
    assert _text_of(name) == _golden()[f"[{name}]"]


def test_there_are_enough_of_them_and_no_other_texts():
    assert len(BAD) >= 60
    assert set(_golden()) == {f"[{name}]" for name in BAD}


if __name__ == "__main__":
    GOLDEN.write_text(
        "\n\n".join(f"[{name}]\n{_text_of(name)}" for name in BAD) + "\n", encoding="utf-8"
    )
