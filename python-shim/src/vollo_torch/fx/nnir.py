"""The step from an annotated graph to NNIR."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

import nnir_bridge
from vollo_compiler import NNIR, NumberFormat
from vollo_torch._export import export_graph

__all__ = ["to_nnir"]


def to_nnir(
    module: fx.GraphModule,
    inputs_precisions: NumberFormat | Sequence[NumberFormat] = NumberFormat.BF16,
    outputs_precisions: NumberFormat | Sequence[NumberFormat] = NumberFormat.BF16,
) -> NNIR:
    """Translate a module that :func:`vollo_torch.fx.prepare_shape` annotated into NNIR.

    >>> from vollo_torch.fx import prepare_shape
    >>> prepared, _ = prepare_shape(torch.nn.Linear(64, 10), torch.zeros(64))
    >>> nnir = to_nnir(prepared, outputs_precisions=NumberFormat.FP32)
    >>> print(nnir[1].operator, nnir[1].shape)
    Linear (10,)

    Args:
        module: The graph module that ``prepare_shape`` returned.
        inputs_precisions: Number format of all inputs, or a sequence with one for each.
        outputs_precisions: Number format of all outputs, or a sequence with one for each.

    Returns:
        The model as NNIR, with the shapes it was prepared for.

    Raises:
        TypeError: ``module`` is not a module, or a precision is not a ``NumberFormat``.
        ValueError: The module was not prepared, a sequence of precisions has the wrong length, or
            the model holds operations that are not supported; those are all named in one message.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"to_nnir: the module is a GraphModule, got {type(module).__name__}")
    if not isinstance(module, fx.GraphModule):
        raise ValueError(
            f"to_nnir: {type(module).__name__} has not been traced; call "
            "vollo_torch.fx.prepare_shape on it and example inputs first"
        )
    graph, tensors = export_graph(module)
    return nnir_bridge.import_fx(
        graph,
        tensors,
        _names("inputs_precisions", inputs_precisions),
        _names("outputs_precisions", outputs_precisions),
    )


def _names(argument: str, precisions: NumberFormat | Sequence[NumberFormat]) -> list[str]:
    several = [precisions] if isinstance(precisions, NumberFormat) else precisions
    if not isinstance(several, Sequence) or isinstance(several, str):
        raise TypeError(f"{argument}: a NumberFormat or a sequence of them, got {precisions!r}")
    for precision in several:
        if not isinstance(precision, NumberFormat):
            raise TypeError(f"{argument}: a vollo_compiler.NumberFormat, got {precision!r}")
    return [precision.name for precision in several]
