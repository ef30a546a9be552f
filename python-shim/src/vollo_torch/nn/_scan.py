"""A loop over a sequence with state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

Tensors = torch.Tensor | Sequence[torch.Tensor] | torch.nn.ParameterList


class Scan(torch.nn.Module):
    """Apply a step along an axis, handing its state from one element to the next.

    ``step(x, s)`` returns ``(y, new_s)``; ``x``, ``s`` and ``y`` may each be one tensor or a
    sequence of tensors. A model that holds a ``Scan`` has to be streaming-transformed before it is
    compiled, with the scanned axis as streaming axis.

    >>> running_sum = Scan(lambda x, total: (total + x, total + x))
    >>> running_sum(torch.tensor([1.0, 2.0, 4.0]), torch.tensor(0.0))
    tensor([1., 3., 7.])

    Args:
        step: The loop body, a module (kept in the attribute ``step``) or a callable.

    Raises:
        TypeError: ``step`` cannot be called.
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        super().__init__()
        if not callable(step):
            raise TypeError(f"Scan: the step is a module or a callable, got {step!r}")
        self.step = step

    def forward(
        self, xs: Tensors, state: Tensors, input_axis: int = 0, output_axis: int = 0
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Run the loop.

        Args:
            xs: The sequence, or several of the same length, scanned along ``input_axis``.
            state: The state before the first element; the step may change its copy in place.
            input_axis: Axis of ``xs`` that is scanned.
            output_axis: Axis of the result along which the outputs are stacked.

        Returns:
            The stacked outputs: a tensor, or a tuple of them when the step gives a sequence.

        Raises:
            ValueError: There is no sequence, it is empty or lacks the axis, the lengths differ, or
                the step does not give a pair.
        """
        single = isinstance(xs, torch.Tensor)
        sequences = [xs] if isinstance(xs, torch.Tensor) else list(xs)
        shapes = [list(sequence.shape) for sequence in sequences]
        for shape in shapes:
            if not -len(shape) <= input_axis < len(shape):
                raise ValueError(f"Scan: input_axis={input_axis} does not exist in shape {shape}")
        lengths = {shape[input_axis] for shape in shapes}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(
                f"Scan: the sequences need one common length of at least 1 along axis "
                f"{input_axis}, got shapes {shapes}"
            )
        carried: Any = _copied(state)
        outputs: list[Any] = []
        for t in range(lengths.pop()):
            elements = [sequence.select(input_axis, t) for sequence in sequences]
            given = self.step(elements[0] if single else tuple(elements), carried)
            if not isinstance(given, tuple | list) or len(given) != 2:
                what = f"{len(given)} values" if isinstance(given, tuple | list) else type(given)
                raise ValueError(f"Scan: the step gives a pair (y, new state), got {what}")
            carried = given[1]
            outputs.append(given[0])
        if isinstance(outputs[0], torch.Tensor):
            return torch.stack(outputs, output_axis)
        return tuple(torch.stack(column, output_axis) for column in zip(*outputs, strict=True))


def _copied(state: Any) -> Any:
    if isinstance(state, torch.Tensor):
        return state.clone()
    if isinstance(state, Sequence | torch.nn.ParameterList):
        return [_copied(item) for item in state]
    return state
