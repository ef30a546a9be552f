"""PyTorch front end of NNIR Bridge: layers, tracing contexts and the way from a module to NNIR.

``import vollo_torch`` makes :mod:`vollo_torch.fx`, :mod:`vollo_torch.fx.nnir` and
:mod:`vollo_torch.nn` reachable.
"""

from vollo_torch import fx, nn
from vollo_torch._context import CorePartition, Fp8Weights, Fp32Activations

__all__ = ["CorePartition", "Fp8Weights", "Fp32Activations", "fx", "nn"]
