"""Constant tensors made inside a traced forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class _Fill(torch.nn.Module):
    """A filling function kept whole by the tracer.

    The arguments are those of the function; they are given to the constructor, to the call, or
    the size to one and the keywords to the other. Those of the call win.
    """

    _fill: Callable[..., torch.Tensor]

    def __init__(self, *size: Any, **options: Any) -> None:
        super().__init__()
        self.size = size
        self._options = options

    def forward(self, *size: Any, **options: Any) -> torch.Tensor:
        """Return the filled tensor."""
        return type(self)._fill(*(size or self.size), **{**self._options, **options})


class Ones(_Fill):
    """:func:`torch.ones` as a module: ``Ones()(2, 3)`` or ``Ones(2, 3)()``."""

    _fill = staticmethod(torch.ones)


class Zeros(_Fill):
    """:func:`torch.zeros` as a module: ``Zeros()(2, 3)`` or ``Zeros(2, 3)()``.

    >>> Zeros(2)()
    tensor([0., 0.])
    """

    _fill = staticmethod(torch.zeros)
