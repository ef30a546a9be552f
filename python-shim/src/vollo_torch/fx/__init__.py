"""Tracing: from a PyTorch module to a graph with shapes, and its portable archive."""

from vollo_torch._archive import load, save
from vollo_torch._trace import is_vollo_tracing, prepare_shape
from vollo_torch.fx import nnir

__all__ = ["is_vollo_tracing", "load", "nnir", "prepare_shape", "save"]
