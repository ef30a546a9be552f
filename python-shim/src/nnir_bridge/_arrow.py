"""Tensors, sequences of steps and bytes as Arrow IPC streams: the one file that imports pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["ByteStream", "read_bytes", "read_steps", "write_bytes", "write_steps", "write_tensors"]

_BATCH_BYTES = 16 << 20

# A writer that fails is left open, for closing it would write: after Ctrl-C, to nobody who reads.

Floats = npt.NDArray[np.float32]


class ByteStream(Protocol):
    """The part of a binary file that Arrow uses."""

    closed: bool

    def read(self, size: int = -1) -> bytes | bytearray:
        """Return exactly ``size`` bytes."""

    def write(self, data: Any) -> int:
        """Write all of ``data``."""

    def flush(self) -> None:
        """Do nothing, or send what is kept back."""


def write_tensors(tensors: Sequence[Floats], stream: ByteStream) -> None:
    """Write one float32 column with a record batch for each tensor, in row-major order."""
    schema = pa.schema([pa.field("values", pa.float32(), nullable=False)])
    writer = pa.ipc.new_stream(stream, schema)
    for tensor in tensors:
        flat = np.ascontiguousarray(tensor, dtype=np.float32).reshape(-1)
        writer.write_batch(pa.record_batch([pa.array(flat)], schema=schema))
    writer.close()


def write_bytes(data: bytes, stream: ByteStream) -> None:
    """Write one binary column with one value."""
    schema = pa.schema([pa.field("bytes", pa.large_binary())])
    writer = pa.ipc.new_stream(stream, schema)
    column = pa.array([data], type=pa.large_binary())
    writer.write_batch(pa.record_batch([column], schema=schema))
    writer.close()


def read_bytes(stream: ByteStream) -> bytes:
    """Read what :func:`write_bytes` wrote."""
    with pa.ipc.open_stream(stream) as reader:
        table = reader.read_all()
    value: bytes = table.column(0)[0].as_py()
    return value


def write_steps(inputs: Sequence[Floats], stream: ByteStream) -> None:
    """Write a sequence of inferences: row i of a column is input i of step i.

    Args:
        inputs: For each input an array of shape (steps, values per step).
        stream: Where to.
    """
    schema = pa.schema(
        [
            pa.field(
                f"port{i}",
                pa.list_(pa.field("item", pa.float32(), nullable=False), values.shape[1]),
                nullable=False,
            )
            for i, values in enumerate(inputs)
        ]
    )
    step_count = inputs[0].shape[0]
    step_bytes = 4 * max(values.shape[1] for values in inputs)
    rows = max(1, _BATCH_BYTES // step_bytes)
    writer = pa.ipc.new_stream(stream, schema)
    for start in range(0, step_count, rows):
        columns = [
            pa.FixedSizeListArray.from_arrays(
                pa.array(values[start : start + rows].reshape(-1)), type=field.type
            )
            for values, field in zip(inputs, schema, strict=True)
        ]
        writer.write_batch(pa.record_batch(columns, schema=schema))
    writer.close()


def read_steps(stream: ByteStream, step_sizes: Sequence[int]) -> list[Floats]:
    """Read the outputs of a sequence of inferences.

    Returns:
        For each output an array of shape (steps, values per step); it may be read-only.
    """
    pieces: list[list[Floats]] = [[] for _ in step_sizes]
    with pa.ipc.open_stream(stream) as reader:
        for batch in reader:
            for column, size, parts in zip(batch.columns, step_sizes, pieces, strict=True):
                values = column.flatten().to_numpy(zero_copy_only=True)
                parts.append(values.reshape(batch.num_rows, size))
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in pieces]
