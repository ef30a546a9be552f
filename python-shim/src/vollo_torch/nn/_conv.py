"""The causal convolution."""

from __future__ import annotations

import torch


class PaddedConv1d(torch.nn.Module):
    """A 1-D convolution over the current and earlier elements of a sequence.

    The input is padded on the left with ``(kernel_size - 1) * dilation`` zeros, so the output is as
    long as the input and element ``t`` depends on the inputs up to ``t`` alone. Parameters and
    argument meanings are those of :class:`torch.nn.Conv1d`, held in the attribute ``conv``.

    >>> layer = PaddedConv1d(4, 8, kernel_size=3, dilation=2)
    >>> layer(torch.zeros(1, 4, 10)).shape
    torch.Size([1, 8, 10])
    >>> list(layer.state_dict())
    ['conv.weight', 'conv.bias']

    Shapes: input ``(batch, in_channels, length)`` or ``(in_channels, length)``; output the same
    with ``out_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.conv = torch.nn.Conv1d(
            in_channels, out_channels, kernel_size, dilation=dilation, groups=groups, bias=bias
        )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self.conv.kernel_size[0]
        self.dilation = self.conv.dilation[0]
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve ``x``, keeping its length."""
        padding = (self.kernel_size - 1) * self.dilation
        out: torch.Tensor = self.conv(torch.nn.functional.pad(x, (padding, 0)))
        return out
