"""Models before they are compiled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from nnir_bridge._gateway import RemoteObject, current_gateway
from vollo_compiler._arguments import integer, is_listed, listed
from vollo_compiler._config import Config
from vollo_compiler._drawing import Box, drawing
from vollo_compiler._files import read, write
from vollo_compiler._options import compile_models, model_entry
from vollo_compiler._tables import table, text

if TYPE_CHECKING:
    from vollo_compiler._program import Program

__all__ = ["NNIR", "NNIRNode"]


_MOST_DRAWN = 200


@dataclass(frozen=True)
class NNIRNode:
    """One node of a model: an input, a constant, a read of state or an operation (an extension).

    Attributes:
        id: Its place in the model.
        name: Its name in the framework's graph.
        operator: The operator's name.
        attributes: The operator's attributes as they are printed.
        inputs: The ids of the nodes that it works on.
        shape: The shape of its result.
    """

    id: int
    name: str
    operator: str
    attributes: tuple[str, ...]
    inputs: tuple[int, ...]
    shape: tuple[int, ...]


class NNIR:
    """A neural network as a graph of the compiler's own operators; it never changes.

    Made by :func:`vollo_torch.fx.nnir.to_nnir`, :meth:`from_onnx` or :meth:`load`. Printing it
    lists inputs, outputs and nodes; iterating and indexing give the nodes.

    >>> import torch, vollo_torch
    >>> from vollo_compiler import Config
    >>> model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU())
    >>> prepared, expected = vollo_torch.fx.prepare_shape(model, torch.zeros(5, 64))
    >>> nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    >>> [node.operator for node in nnir], nnir[1].shape
    (['Input', 'Linear', 'Clamp'], (5, 32))
    >>> nnir.to_program(Config.amd_v80_c6b32(), "dense").model_output_shape()
    (5, 32)
    >>> streaming, output_axis = nnir.streaming_transform(0)
    >>> program = streaming.to_program(Config.amd_v80_c6b32())
    >>> program.model_input_shape(), program.model_input_streaming_dim(), output_axis
    ((64,), 0, 0)
    """

    _remote: RemoteObject
    _num_outputs: int
    _described: list[NNIRNode] | None = None

    def __init__(self) -> None:
        raise TypeError(
            "NNIR has no constructor; use vollo_torch.fx.nnir.to_nnir, NNIR.from_onnx or NNIR.load"
        )

    @classmethod
    def _of(cls, remote: RemoteObject, num_outputs: int) -> NNIR:
        nnir = cls.__new__(cls)
        nnir._remote = remote
        nnir._num_outputs = num_outputs
        return nnir

    @staticmethod
    def from_onnx(
        onnx_path: str | os.PathLike[str],
        override_input_shapes: Sequence[int] | Sequence[Sequence[int]] | None = None,
    ) -> NNIR:
        """Read an ONNX model; reading runs no code from it.

        Inputs and outputs are BF16. Axes of no fixed extent need ``override_input_shapes``.

        Args:
            onnx_path: The file; tensors in files of their own lie beside it or below.
            override_input_shapes: Shapes to use in place of the model's: one for a single input,
                or one for each.

        Raises:
            LoadError: There is no such file, or it is no ONNX model.
            TypeError: An extent is not an integer.
            ValueError: The model holds operators that are not supported; those are all named in one
                message. Or it uses one in a way that is not, or a shape does not fit.
        """
        shapes = _shapes(override_input_shapes)
        path = str(Path(onnx_path).absolute())
        remote, answer = current_gateway().create("importOnnx", path, json.dumps(shapes))
        return NNIR._of(remote, answer["num_outputs"])

    def streaming_transform(
        self, streaming_axes: int | Sequence[int]
    ) -> tuple[NNIR, int | tuple[int, ...]]:
        """Return the model that takes one time step per inference and keeps state between them.

        Args:
            streaming_axes: The time axis of the input, or one for each input.

        Returns:
            The new model, and the axis along which its outputs make up the output of this one
            (a tuple for several outputs).

        Raises:
            ValueError: An axis does not exist, or the model cannot be streamed along it.
        """
        if is_listed(streaming_axes):
            axes = listed("streaming_axes", streaming_axes)
        else:
            axes = [integer("streaming_axes", streaming_axes)]
        remote, answer = self._remote.gateway.create(
            "streamingTransform", self._remote.handle, str(axes)
        )
        outputs = answer["output_axes"]
        return NNIR._of(remote, len(outputs)), outputs[0] if len(outputs) == 1 else tuple(outputs)

    def to_program(
        self,
        config: Config,
        name: str | None = None,
        *,
        optimize_transforms: bool = True,
        allow_dynamic_weights: bool = False,
        allow_mixed_precision_fusion: bool = True,
        max_sparse_entries: int = 512,
        quick_compile: bool = False,
        output_buffer_capacity: int = 64,
        write_queue_capacity: int = 32,
        random_seeds: Sequence[int] = [0],
        allow_unserializable: bool = False,
        generate_state_reset: bool = False,
        stateful_accumulators_in_tensor_ram: bool = False,
    ) -> Program:
        """Compile the model for a board.

        Args:
            config: The board.
            name: The model's name in the program; ``model0`` when None.
            optimize_transforms: Whether transformations that cost compile time are tried, and kept
                where the estimate is then clearly lower: rows of weight blocks that are one too
                many to load all cores evenly are cut and shared. The results are the same.
            allow_dynamic_weights: Whether products of two values computed at run time are allowed.
            allow_mixed_precision_fusion: Whether additions to the result of a dense layer or a
                convolution happen on its float32 accumulator, without a rounding to BF16 between.
            max_sparse_entries: Accepted, at least 0; this compiler keeps matrices dense.
            quick_compile: Whether only the first of ``random_seeds`` is tried, and nothing of
                ``optimize_transforms``.
            output_buffer_capacity: Words that the output buffer holds, at least 1. Like the next it
                is what the estimate assumes by which programs of several seeds are compared; the
                estimates of the program take their own.
            write_queue_capacity: Blocks that a link between cores holds, at least 1.
            random_seeds: Seeds of placements, integers, at least one. The program is the one with
                the fewest cycles; the same seeds give the same.
            allow_unserializable: Accepted; every program can be saved.
            generate_state_reset: Whether :meth:`VM.reset` can put the state back to its start.
            stateful_accumulators_in_tensor_ram: Accepted; state lies in tensor RAM and cell store.

        Raises:
            AllocationError: The model needs more of a store than the board has.
            TypeError: ``config`` is not a configuration, or an option is of a wrong type.
            ValueError: The model is not supported, or an option is out of its range.
        """
        from vollo_compiler._program import Program

        options = {
            "optimize_transforms": optimize_transforms,
            "allow_dynamic_weights": allow_dynamic_weights,
            "allow_mixed_precision_fusion": allow_mixed_precision_fusion,
            "max_sparse_entries": max_sparse_entries,
            "quick_compile": quick_compile,
            "output_buffer_capacity": output_buffer_capacity,
            "write_queue_capacity": write_queue_capacity,
            "random_seeds": random_seeds,
            "allow_unserializable": allow_unserializable,
            "generate_state_reset": generate_state_reset,
            "stateful_accumulators_in_tensor_ram": stateful_accumulators_in_tensor_ram,
        }
        if not isinstance(config, Config):
            raise TypeError(f"config: a vollo_compiler.Config is needed, got {config!r}")
        entry = model_entry(self._remote, "model0" if name is None else name, options)
        return Program._of(*compile_models(self._remote.gateway, config._json(), [entry]))

    def save(self, output_path: str | os.PathLike[str]) -> None:
        """Write the model to a file, which is either complete afterwards or as it was.

        The file holds the graph as JSON and its tensors as Arrow; no code.

        Args:
            output_path: The file.

        Raises:
            SaveError: The file cannot be written.
        """
        write("model", output_path, self._remote.gateway.download(self._remote.handle))

    @staticmethod
    def load(input_path: str | os.PathLike[str]) -> NNIR:
        """Read a model from a file; reading runs no code from it.

        Args:
            input_path: A file that :meth:`save` wrote.

        Returns:
            The model, which prints and compiles as the saved one does.

        Raises:
            LoadError: There is no such file, or it is not a valid model; the message says why.
        """
        return read("model", input_path, NNIR._load_bytes)

    @staticmethod
    def _load_bytes(data: bytes) -> NNIR:
        gateway = current_gateway()
        remote, answer = gateway.create("loadNnir", gateway.upload_bytes(data))
        return NNIR._of(remote, answer["num_outputs"])

    def __len__(self) -> int:
        """Return the number of nodes, inputs and constants among them."""
        return len(self._nodes())

    def __iter__(self) -> Iterator[NNIRNode]:
        return iter(self._nodes())

    @overload
    def __getitem__(self, node_id: int) -> NNIRNode: ...
    @overload
    def __getitem__(self, node_id: slice) -> list[NNIRNode]: ...
    def __getitem__(self, node_id: int | slice) -> NNIRNode | list[NNIRNode]:
        """Return the node with an id, the one that is printed as ``Id(...)``, or several.

        Negative ids count from the end, as in a list.
        """
        nodes = self._nodes()
        if isinstance(node_id, slice):
            return nodes[node_id]
        number = integer("node_id", node_id)
        if not -len(nodes) <= number < len(nodes):
            raise IndexError(f"node_id: {number} is out of range; there are {len(nodes)} nodes")
        return nodes[number]

    def __reduce__(self) -> tuple[Any, ...]:
        data = self._remote.gateway.download(self._remote.handle)
        return NNIR._load_bytes, (data,)

    def _nodes(self) -> list[NNIRNode]:
        if self._described is None:
            answer = self._remote.gateway.call("describeNnir", self._remote.handle)
            self._described = [
                NNIRNode(
                    node["id"],
                    node["name"],
                    node["operator"],
                    tuple(node["attributes"]),
                    tuple(node["inputs"]),
                    tuple(node["shape"]),
                )
                for node in answer["nodes"]
            ]
        return self._described

    def _repr_html_(self) -> str:
        rows = [
            [
                str(node.id),
                text(node.name),
                f"<b>{text(node.operator)}</b>",
                text(", ".join(node.attributes)),
                " ".join(f"&#8592;{number}" for number in node.inputs),
                text(list(node.shape)),
            ]
            for node in self
        ]
        header = ("id", "name", "operator", "attributes", "from", "shape")
        listed = table(f"NNIR with {len(self)} nodes", header, rows)
        return listed if len(self) > _MOST_DRAWN else self.to_svg() + listed

    def to_svg(self) -> str:
        """Return a drawing of the graph as an SVG element (an extension).

        Inputs, constants and states stand above what uses them. Notebooks show it by themselves,
        but for graphs of more than 200 nodes, which are only listed.
        """
        nodes = list(self)
        number = {node.id: place for place, node in enumerate(nodes)}
        return drawing(
            [
                Box(
                    f"{node.id} {node.operator}",
                    f"{node.name} {list(node.shape)}",
                    tuple(number[source] for source in node.inputs),
                    not node.inputs,
                )
                for node in nodes
            ]
        )

    def __str__(self) -> str:
        text: str = self._remote.gateway.call("printNnir", self._remote.handle)["text"]
        return text

    def __repr__(self) -> str:
        return str(self)


def _shapes(given: Any) -> list[list[int]]:
    if given is None:
        return []
    name = "override_input_shapes"
    if not is_listed(given):
        raise TypeError(f"{name}: a shape or a sequence of shapes is needed, got {given!r}")
    several = len(given) > 0 and all(is_listed(shape) for shape in given)
    return [listed(f"{name}[{i}]", shape) for i, shape in enumerate(given if several else [given])]
