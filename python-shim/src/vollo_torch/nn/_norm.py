"""Normalisation by the root mean square."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vollo_compiler._arguments import integer


class RMSNorm(torch.nn.Module):
    """Divide the last axis by its root mean square and scale it by a learned weight.

    >>> RMSNorm(2, eps=0.0)(torch.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2000, 1.4000]])

    Computes ``x / sqrt(mean(x * x) + eps) * weight`` over the last axis.

    Shapes: input and output ``(*, normalized_shape)``.

    Args:
        normalized_shape: Extent of the last axis, as an integer or a sequence of one.
        eps: Added to the mean square.
        elementwise_affine: Whether there is a ``weight`` (ones at first).
        device: Where the weight lives.
        dtype: Type of the weight.

    Raises:
        TypeError: ``normalized_shape`` is no integer and holds none.
        ValueError: ``normalized_shape`` has other than one axis.
    """

    weight: torch.nn.Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-05,
        elementwise_affine: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        shape = normalized_shape if isinstance(normalized_shape, Sequence) else (normalized_shape,)
        self.normalized_shape = tuple(integer("normalized_shape", extent) for extent in shape)
        if len(self.normalized_shape) != 1:
            raise ValueError(
                f"RMSNorm: normalized_shape={list(self.normalized_shape)} is not supported; "
                "only one axis, the last, can be normalized"
            )
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = torch.ones(self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter(
            "weight", torch.nn.Parameter(weight) if elementwise_affine else None
        )

    def extra_repr(self) -> str:
        """Return the arguments as a printed module shows them."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise the last axis of ``x``."""
        if x.shape[-1:] != self.normalized_shape:
            raise ValueError(
                f"RMSNorm: the last axis of the input {list(x.shape)} is not "
                f"normalized_shape={list(self.normalized_shape)}"
            )
        scaled = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return scaled if self.weight is None else scaled * self.weight
