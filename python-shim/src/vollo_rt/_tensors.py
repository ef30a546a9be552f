"""Inputs and outputs of jobs: numpy arrays and torch tensors, in float32 and bfloat16."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vollo_compiler import NumberFormat

__all__ = ["Inputs", "converted", "output_formats", "taken"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """The inputs of a job, copied: float32 values, and in what form they came."""

    arrays: list[Floats]
    formats: list[NumberFormat]
    are_tensors: bool


def taken(model: str, inputs: Any, shapes: Sequence[tuple[int, ...]]) -> Inputs:
    """Check and copy the inputs of a job.

    Args:
        model: The model's name, for messages.
        inputs: One array or tensor, or a sequence with one for each input, of any strides.
        shapes: The shapes of the model's inputs.
    """
    values = [inputs] if _is_tensor(inputs) or isinstance(inputs, np.ndarray) else inputs
    if not isinstance(values, (list, tuple)):
        raise TypeError(
            "inputs: a numpy array, a torch tensor or a sequence of them is needed, got "
            f"{type(inputs).__name__}"
        )
    if len(values) != len(shapes):
        raise ValueError(
            f"model {model} has {len(shapes)} input{'s' * (len(shapes) != 1)}, got {len(values)}"
        )
    arrays, formats = [], []
    for i, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        where = f"model {model}, input {i}"
        formats.append(_format(where, value))
        if tuple(value.shape) != shape:
            raise ValueError(f"{where}: shape {tuple(value.shape)} does not match, want {shape}")
        arrays.append(_copied(where, value))
    return Inputs(arrays, formats, any(_is_tensor(value) for value in values))


def output_formats(given: Any, count: int, inputs: Inputs) -> list[NumberFormat]:
    """Return a format for each output: the one given, or bfloat16 where all inputs are."""
    if given is None:
        bf16 = all(own is NumberFormat.BF16 for own in inputs.formats)
        formats = [NumberFormat.BF16 if bf16 and inputs.formats else NumberFormat.FP32] * count
    elif isinstance(given, NumberFormat):
        formats = [given] * count
    elif isinstance(given, (list, tuple)):
        formats = list(given)
    else:
        raise TypeError(f"output_formats: a sequence of number formats, got {given!r}")
    for chosen in formats:
        if not isinstance(chosen, NumberFormat):
            raise TypeError(
                "output_formats: number_format_bf16 or number_format_fp32 is needed, got "
                f"{chosen!r}"
            )
    if len(formats) != count:
        raise ValueError(f"output_formats: {count} needed, one for each output, got {len(formats)}")
    needs_numpy_bf16 = NumberFormat.BF16 in formats and not inputs.are_tensors
    if needs_numpy_bf16 and importlib.util.find_spec("ml_dtypes") is None:
        raise ValueError(
            "output_formats: numpy has no bfloat16 of its own; install ml_dtypes, give torch "
            "tensors, or ask for number_format_fp32"
        )
    return formats


def converted(outputs: Sequence[Floats], formats: Sequence[NumberFormat], tensors: bool) -> Any:
    """Return outputs as tensors or arrays of their formats: one, or a tuple of several."""
    results = [
        _tensor(output, number_format) if tensors else _array(output, number_format)
        for output, number_format in zip(outputs, formats, strict=True)
    ]
    return results[0] if len(results) == 1 else tuple(results)


def _format(where: str, value: Any) -> NumberFormat:
    if not _is_tensor(value) and not isinstance(value, np.ndarray):
        raise TypeError(
            f"{where}: a numpy array or a torch tensor is needed, got {type(value).__name__}"
        )
    name = str(value.dtype).removeprefix("torch.")
    if name == "float32":
        return NumberFormat.FP32
    if name == "bfloat16":
        return NumberFormat.BF16
    raise ValueError(f"{where}: dtype {name} is not taken; give float32 or bfloat16")


def _copied(where: str, value: Any) -> Floats:
    if _is_tensor(value):
        if value.is_meta or value.layout is not sys.modules["torch"].strided:
            kind = "a meta tensor" if value.is_meta else f"a tensor of layout {value.layout}"
            raise ValueError(f"{where}: {kind} is not taken; give a dense tensor with values")
        value = value.detach().cpu().float().numpy()
    return np.array(value, dtype=np.float32, order="C")


def _tensor(output: Floats, number_format: NumberFormat) -> Any:
    tensor = sys.modules["torch"].from_numpy(output)
    return tensor.bfloat16() if number_format is NumberFormat.BF16 else tensor


def _array(output: Floats, number_format: NumberFormat) -> npt.NDArray[Any]:
    if number_format is NumberFormat.FP32:
        return output
    import ml_dtypes

    return output.astype(ml_dtypes.bfloat16)


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
