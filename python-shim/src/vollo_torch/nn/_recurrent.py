"""Recurrent layers in forms that can be streamed."""

from __future__ import annotations

import torch

State = tuple[torch.Tensor, torch.Tensor]


class LSTM(torch.nn.Module):
    """:class:`torch.nn.LSTM` without its final state: the output sequence alone is returned.

    Parameters and argument meanings are those of :class:`torch.nn.LSTM`, held in the attribute
    ``lstm``.

    Shapes: input ``(length, input_size)``, ``(length, batch, input_size)`` or, with
    ``batch_first``, ``(batch, length, input_size)``; output the same with ``hidden_size`` (twice
    that when bidirectional).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(
            input_size,
            hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            bidirectional=bidirectional,
        )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.bidirectional = bidirectional

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the sequence ``x`` from a zero state."""
        output, _ = self.lstm(x)
        sequence: torch.Tensor = output
        return sequence


class RecurrentStateLSTM(torch.nn.Module):
    """An LSTM that continues from where its previous call ended.

    A model that holds one has to be streaming-transformed before it is compiled.

    Shapes: as :class:`LSTM`.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the output.
        num_layers: Stacked layers.
        bias: Whether the layers have biases.
        batch_first: Whether batched input starts with the batch axis.
        init_state: State ``(h, c)`` of the first call, each ``(num_layers, hidden_size)`` or
            ``(num_layers, batch, hidden_size)``; zeros by default.

    Raises:
        TypeError: ``init_state`` is not a pair of tensors.
        ValueError: One of them has another shape.
    """

    init_h: torch.Tensor | None
    init_c: torch.Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        init_state: State | None = None,
    ) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(
            input_size, hidden_size, num_layers=num_layers, bias=bias, batch_first=batch_first
        )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        h, c = _state(init_state, num_layers, hidden_size)
        self.register_buffer("init_h", h, persistent=False)
        self.register_buffer("init_c", c, persistent=False)
        self._state: State | None = None

    def reset(self) -> None:
        """Start the next call from the initial state."""
        self._state = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the sequence ``x`` from the kept state and keep the new one."""
        state = self._state
        if state is None and self.init_h is not None and self.init_c is not None:
            state = (self.init_h, self.init_c)
        output, self._state = self.lstm(x, state)
        sequence: torch.Tensor = output
        return sequence


def _state(
    given: State | None, num_layers: int, hidden_size: int
) -> tuple[torch.Tensor, torch.Tensor] | tuple[None, None]:
    """Check an initial state; its batch is checked when there is an input."""
    if given is None:
        return None, None
    parts = list(given) if isinstance(given, tuple | list) else []
    if len(parts) != 2 or not all(isinstance(part, torch.Tensor) for part in parts):
        raise TypeError(
            "RecurrentStateLSTM: init_state is a pair of tensors (h, c), "
            f"got {type(given).__name__}"
        )
    for part in parts:
        if part.dim() not in (2, 3) or (part.shape[0], part.shape[-1]) != (num_layers, hidden_size):
            raise ValueError(
                f"RecurrentStateLSTM: init_state has a part of shape {list(part.shape)}; "
                f"[{num_layers}, {hidden_size}] or [{num_layers}, batch, {hidden_size}] is needed"
            )
    return parts[0], parts[1]


class LSTMCell(torch.nn.Module):
    """One LSTM step whose cell state stays inside from call to call.

    >>> cell = LSTMCell(3, 4)
    >>> hidden = cell(torch.zeros(3), torch.zeros(4))
    >>> hidden.shape
    torch.Size([4])
    >>> cell.reset()

    The hidden state is the caller's: passed in and returned. The cell state starts as zeros; a
    second call within one step continues from the first one's.

    Shapes: ``x`` ``(input_size,)`` or ``(batch, input_size)``; ``hidden_state`` and result the same
    with ``hidden_size``.

    Args:
        input_size: Features of the input.
        hidden_size: Features of the hidden state.
        batch_size: Extent of the batch axis; ``None`` for no such axis.
    """

    def __init__(self, input_size: int, hidden_size: int, batch_size: int | None = None) -> None:
        super().__init__()
        self.cell = torch.nn.LSTMCell(input_size, hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.batch_size = batch_size
        self._cell_state: torch.Tensor | None = None

    def reset(self) -> None:
        """Set the cell state back to zeros."""
        self._cell_state = None

    def forward(self, x: torch.Tensor, hidden_state: torch.Tensor) -> torch.Tensor:
        """Return the next hidden state and keep the next cell state."""
        cell_state = self._cell_state
        if cell_state is None:
            cell_state = torch.zeros_like(hidden_state)
        hidden, self._cell_state = self.cell(x, (hidden_state, cell_state))
        result: torch.Tensor = hidden
        return result
