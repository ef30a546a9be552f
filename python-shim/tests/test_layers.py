import pytest
import torch
from torch import nn

import vollo_torch


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(7)


def same(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def test_importing_the_package_makes_its_parts_reachable():
    assert vollo_torch.fx.nnir.to_nnir
    assert vollo_torch.nn.PaddedConv1d


@pytest.mark.parametrize(("kernel", "dilation", "groups"), [(1, 1, 1), (3, 1, 4), (4, 3, 1)])
def test_padded_conv_ends_like_the_unpadded_one(kernel, dilation, groups):
    layer = vollo_torch.nn.PaddedConv1d(4, 8, kernel, dilation=dilation, groups=groups)
    plain = nn.Conv1d(4, 8, kernel, dilation=dilation, groups=groups)
    plain.load_state_dict({k.removeprefix("conv."): v for k, v in layer.state_dict().items()})
    x = torch.randn(2, 4, 20)
    reach = (kernel - 1) * dilation
    assert layer(x).shape == (2, 8, 20)
    same(layer(x)[:, :, reach:], plain(x))


def test_padded_conv_looks_back_only():
    layer = vollo_torch.nn.PaddedConv1d(2, 2, 3)
    x = torch.randn(1, 2, 9)
    later = x.clone()
    later[:, :, 5:] = 0
    same(layer(later)[:, :, :5], layer(x)[:, :, :5])


def test_padded_conv_without_bias_has_only_a_weight():
    assert list(vollo_torch.nn.PaddedConv1d(2, 2, 3, bias=False).state_dict()) == ["conv.weight"]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lstm_returns_the_output_sequence_of_the_torch_layer(batch_first, bidirectional):
    layer = vollo_torch.nn.LSTM(
        3, 5, num_layers=2, batch_first=batch_first, bidirectional=bidirectional
    )
    x = torch.randn(4, 2, 3)
    same(layer(x), layer.lstm(x)[0])
    assert all(name.startswith("lstm.") for name in layer.state_dict())


def test_recurrent_state_lstm_continues_where_it_ended():
    layer = vollo_torch.nn.RecurrentStateLSTM(3, 5, num_layers=2)
    x = torch.randn(8, 3)
    whole = layer.lstm(x)[0]
    same(torch.cat([layer(x[:3]), layer(x[3:])]), whole)
    layer.reset()
    same(layer(x), whole)


def test_recurrent_state_lstm_starts_from_its_initial_state():
    start = (torch.randn(1, 5), torch.randn(1, 5))
    layer = vollo_torch.nn.RecurrentStateLSTM(3, 5, init_state=start)
    x = torch.randn(4, 3)
    same(layer(x), layer.lstm(x, start)[0])
    assert all(name.startswith("lstm.") for name in layer.state_dict())


@pytest.mark.parametrize("batch", [None, 2])
def test_lstm_cell_keeps_its_cell_state(batch):
    layer = vollo_torch.nn.LSTMCell(3, 5, batch_size=batch)
    shape = () if batch is None else (batch,)
    x = torch.randn(2, *shape, 3)
    hidden = cell = torch.zeros(*shape, 5)
    got = hidden
    for element in x:
        hidden, cell = layer.cell(element, (hidden, cell))
        got = layer(element, got)
        same(got, hidden)
    layer.reset()
    zeros = torch.zeros(*shape, 5)
    same(layer(x[0], zeros), layer.cell(x[0], (zeros, zeros))[0])


def test_scan_hands_the_state_from_element_to_element():
    scan = vollo_torch.nn.Scan(lambda x, s: (x + s, x + s))
    x = torch.randn(6, 3)
    same(scan(x, torch.zeros(3)), torch.cumsum(x, 0))


def test_scan_takes_and_gives_sequences_along_any_axis():
    scan = vollo_torch.nn.Scan(lambda x, s: ((x[0] + s[0], x[1] * s[1]), (s[0] + 1, s[1])))
    a, b = torch.randn(2, 3, 4)
    state = nn.ParameterList([nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(3))])
    result = scan((a, b), state, input_axis=1, output_axis=0)
    assert isinstance(result, tuple)
    same(result[0], a.T + torch.arange(4.0)[:, None])
    same(result[1], b.T)


def test_scan_leaves_the_given_state_as_it_is():
    def step(x, s):
        s[0] += x
        return s[0].clone(), s

    scan, state = vollo_torch.nn.Scan(step), (torch.zeros(3),)
    same(scan(torch.ones(4, 3), state)[-1], torch.full((3,), 4.0))
    same(state[0], torch.zeros(3))


def test_scan_names_its_parameters_after_the_step():
    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x, s):
            return self.fc(x), s

    assert list(vollo_torch.nn.Scan(Step()).state_dict()) == ["step.fc.weight", "step.fc.bias"]


def test_scan_refuses_sequences_of_different_lengths():
    scan = vollo_torch.nn.Scan(lambda x, s: (x[0], s))
    with pytest.raises(ValueError) as error:
        scan((torch.zeros(2, 3), torch.zeros(4, 3)), torch.zeros(3))
    assert str(error.value) == (
        "Scan: the sequences need one common length of at least 1 along axis 0, "
        "got shapes [[2, 3], [4, 3]]"
    )


@pytest.mark.parametrize("shape", [6, (6,), [6]])
def test_rms_norm_divides_by_the_root_mean_square(shape):
    layer = vollo_torch.nn.RMSNorm(shape, eps=0.5)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(6.0))
    x = torch.randn(2, 6)
    expected = x / torch.sqrt((x * x).mean(-1, keepdim=True) + 0.5) * torch.arange(6.0)
    same(layer(x), expected)


def test_rms_norm_without_affine_has_no_parameters():
    assert not vollo_torch.nn.RMSNorm(6, elementwise_affine=False).state_dict()


def test_rms_norm_takes_one_axis():
    with pytest.raises(ValueError, match=r"normalized_shape=\[2, 3\] is not supported"):
        vollo_torch.nn.RMSNorm((2, 3))


def test_fills_take_their_size_at_construction_or_at_the_call():
    same(vollo_torch.nn.Ones(2, 3)(), torch.ones(2, 3))
    same(vollo_torch.nn.Zeros()(2, 3), torch.zeros(2, 3))
    assert vollo_torch.nn.Ones(2, dtype=torch.float64)().dtype == torch.float64
