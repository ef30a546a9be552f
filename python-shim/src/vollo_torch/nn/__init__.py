"""Layers that PyTorch lacks or that need a form which can be streamed."""

from vollo_torch.nn._conv import PaddedConv1d
from vollo_torch.nn._fill import Ones, Zeros
from vollo_torch.nn._norm import RMSNorm
from vollo_torch.nn._recurrent import LSTM, LSTMCell, RecurrentStateLSTM
from vollo_torch.nn._scan import Scan

__all__ = [
    "LSTM",
    "LSTMCell",
    "Ones",
    "PaddedConv1d",
    "RMSNorm",
    "RecurrentStateLSTM",
    "Scan",
    "Zeros",
]
