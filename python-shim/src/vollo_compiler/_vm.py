"""The virtual machine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnir_bridge._gateway import RemoteObject
from nnir_bridge._progress import is_shown, steps_bar
from nnir_bridge._region import StepPlan
from vollo_compiler._arguments import boolean, integer, integers
from vollo_compiler._metrics import Metrics
from vollo_compiler._tables import table, text

if TYPE_CHECKING:
    from vollo_compiler._program import Program

__all__ = ["VM"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Shape = tuple[int, ...]

_MODES = {"BIT_ACCURATE": "", "FLOAT32": ", bit_accurate=False", "NO_COMPUTE": ", no_compute=True"}
_FLOAT32 = np.dtype(np.float32)
_FEWEST_STEPS_WITH_BAR = 2000


class _ModelPorts:
    """The shapes of one model, and where its values go."""

    def __init__(
        self, machine: VM, index: int, model: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        layout: dict[str, Any] = answer["layouts"][index]
        streams: Shape = () if machine._num_streams is None else (machine._num_streams,)
        self.name: str = model["name"]
        self.inputs: list[Shape] = [(*streams, *port["shape"]) for port in model["inputs"]]
        self.outputs: list[Shape] = [(*streams, *port["shape"]) for port in model["outputs"]]
        self.lone_input = self.inputs[0] if len(self.inputs) == 1 else None
        offsets_in = [slot["offset"] for slot in layout["inputs"]]
        offsets_out = [slot["offset"] for slot in layout["outputs"]]
        self.plan = StepPlan(
            machine._remote.handle,
            index,
            list(zip(offsets_in, self.inputs, strict=True)),
            list(zip(offsets_out, self.outputs, strict=True)),
            layout["bytes"],
            threads=answer["threads"][index],
            crowded=answer["crowded"][index],
        )


class VM:
    """A virtual machine loaded with a program; each has its own state.

    Made by :meth:`Program.to_vm`. Several threads may use one, an inference at a time.

    One that was made with ``num_streams`` steps that many independent sequences at once, each with
    its own state: the shape of every input and output then begins with the axis of streams.

    >>> import numpy as np, torch, vollo_torch
    >>> from vollo_compiler import Config
    >>> average = vollo_torch.nn.PaddedConv1d(1, 1, 2, bias=False)
    >>> _ = torch.nn.init.constant_(average.conv.weight, 0.5)
    >>> prepared, _ = vollo_torch.fx.prepare_shape(average, torch.zeros(1, 4))
    >>> nnir, axis = vollo_torch.fx.nnir.to_nnir(prepared).streaming_transform(1)
    >>> vm = nnir.to_program(Config.ip_core(1, 4), generate_state_reset=True).to_vm()
    >>> vm.run(np.array([8], np.float32))
    array([4.], dtype=float32)
    >>> state = vm.snapshot()
    >>> vm.run_timesteps(np.array([[2, 4, 6]], np.float32), 1, axis)
    array([[5., 3., 5.]], dtype=float32)
    >>> vm.restore(state)
    >>> vm.run(np.array([2], np.float32))
    array([5.], dtype=float32)
    >>> vm.reset()
    >>> vm.run(np.array([2], np.float32))
    array([1.], dtype=float32)
    """

    _program: Program
    _remote: RemoteObject
    _models: list[_ModelPorts]
    _num_streams: int | None
    _num_threads: int
    _capacities: tuple[int, int]
    _mode: str
    _last_model: int

    def __init__(self) -> None:
        raise TypeError("VM has no constructor; use Program.to_vm")

    @classmethod
    def _of(
        cls,
        program: Program,
        remote: RemoteObject,
        answer: dict[str, Any],
        num_streams: int | None,
        capacities: tuple[int, int],
        mode: str,
    ) -> VM:
        vm = cls.__new__(cls)
        vm._program = program
        vm._remote = remote
        vm._num_streams = num_streams
        vm._num_threads = max(answer["threads"])
        vm._models = [
            _ModelPorts(vm, index, model, answer)
            for index, model in enumerate(program._summary["models"])
        ]
        vm._capacities = capacities
        vm._mode = mode
        vm._last_model = 0
        return vm

    def run(
        self,
        inputs: Array | Sequence[Array],
        model_index: int = 0,
        f32_round: bool = True,
    ) -> Floats | tuple[Floats, ...]:
        """Do one inference.

        Args:
            inputs: One float array, or a sequence with one for each input, with the shapes of the
                model (one time step for a streaming model) and any strides.
            model_index: The model.
            f32_round: Whether float32 inputs become BF16 by rounding to nearest even, or by
                truncation.

        Returns:
            A float32 array, or a tuple of them for several outputs.

        Raises:
            TypeError: An input is not a numpy array.
            ValueError: A shape, dtype or number of inputs or the model index is wrong.
        """
        model = self._model(model_index)
        nearest = f32_round if f32_round is True else boolean("f32_round", f32_round)
        if (
            type(inputs) is np.ndarray
            and inputs.dtype is _FLOAT32
            and inputs.shape == model.lone_input
        ):
            arrays: Sequence[Array] = (inputs,)
        else:
            arrays = _checked(model, inputs, model.inputs)
        outputs = self._remote.gateway.step(model.plan, arrays, nearest)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def run_flat(
        self,
        inputs: Array | Sequence[Array],
        model_index: int = 0,
        f32_round: bool = True,
    ) -> Floats | tuple[Floats, ...]:
        """Do one inference on arrays that are flattened in row-major order.

        Args:
            inputs: One 1-D float array, or a sequence with one for each input.
            model_index: As in :meth:`run`.
            f32_round: See there.

        Returns:
            A 1-D float32 array, or a tuple of them for several outputs.

        Raises:
            TypeError: An input is not a numpy array.
            ValueError: A length, dtype or number of inputs or the model index is wrong.
        """
        model = self._model(model_index)
        flat = _checked(model, inputs, [(math.prod(shape),) for shape in model.inputs])
        arrays = [array.reshape(shape) for array, shape in zip(flat, model.inputs, strict=True)]
        outputs = self._remote.gateway.step(model.plan, arrays, boolean("f32_round", f32_round))
        return _result([output.reshape(-1) for output in outputs])

    def run_timesteps(
        self,
        inputs: Array | Sequence[Array],
        input_timestep_dims: int | Sequence[int],
        output_timestep_dims: int | Sequence[int],
        model_index: int = 0,
        f32_round: bool = True,
    ) -> Floats | tuple[Floats, ...]:
        """Do one inference for each element of a sequence, in one call.

        Args:
            inputs: One float array, or a sequence with one for each input: the model's shape with
                the time dimension inserted.
            input_timestep_dims: The time dimension of the input, or one for each.
            output_timestep_dims: Where the time dimension goes in the output, or one for each.
            model_index: As in :meth:`run`.
            f32_round: See there.

        Returns:
            A float32 array, or a tuple of them for several outputs.

        Raises:
            TypeError: An input is not a numpy array.
            ValueError: A shape, dtype, dimension or number of inputs or the model index is wrong,
                or there are no time steps.
        """
        model = self._model(model_index)
        return self._run_sequence(
            model,
            inputs,
            (model.inputs, model.outputs),
            (input_timestep_dims, output_timestep_dims),
            f32_round,
        )

    def run_flat_timesteps(
        self,
        inputs: Array | Sequence[Array],
        input_timestep_dims: int | Sequence[int],
        output_timestep_dims: int | Sequence[int],
        model_index: int = 0,
        f32_round: bool = True,
    ) -> Floats | tuple[Floats, ...]:
        """Do one inference for each element of a sequence, on flattened values.

        Args:
            inputs: One 2-D float array, or a sequence with one for each input: time and the
                input's values in row-major order.
            input_timestep_dims: Which of the two is time, 0 or 1, or one for each input.
            output_timestep_dims: Which of the two is time in the output, or one for each.
            model_index: As in :meth:`run`.
            f32_round: See there.

        Returns:
            A 2-D float32 array, or a tuple of them for several outputs.

        Raises:
            TypeError: An input is not a numpy array.
            ValueError: As for :meth:`run_timesteps`.
        """
        model = self._model(model_index)
        flat_inputs: list[Shape] = [(math.prod(shape),) for shape in model.inputs]
        flat_outputs: list[Shape] = [(math.prod(shape),) for shape in model.outputs]
        return self._run_sequence(
            model,
            inputs,
            (flat_inputs, flat_outputs),
            (input_timestep_dims, output_timestep_dims),
            f32_round,
        )

    def reset(self, model_index: int = 0) -> None:
        """Put the state of a model back to its start.

        Raises:
            ValueError: The model was not compiled with ``generate_state_reset=True``.
        """
        model = self._model(model_index)
        if not self._program.model_is_resettable(model_index):
            raise ValueError(
                f"VM.reset: model {model_index} ({model.name}) cannot be reset; compile it with "
                "generate_state_reset=True, or make a new VM"
            )
        self._remote.gateway.call("resetVm", self._remote.handle, model.plan.model_index)

    def snapshot(self) -> bytes:
        """Return the state of all models and streams, to go on from with :meth:`restore`.

        The bytes have a version and a checksum and know their program.
        """
        return self._remote.gateway.download(self._remote.handle)

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot, in this process or another, with the same bits as there.

        Args:
            data: What :meth:`snapshot` returned, of a machine of the same program, the same
                ``bit_accurate`` and ``no_compute`` and as many streams; threads may differ.

        Raises:
            LoadError: It is not such a snapshot; the message says why. The state is then as before.
            TypeError: ``data`` is not bytes.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data: bytes are needed, got {type(data).__name__}")
        gateway = self._remote.gateway
        gateway.call("restoreVm", self._remote.handle, gateway.upload_bytes(bytes(data)))

    @property
    def num_threads(self) -> int:
        """How many threads share an inference of its largest model."""
        return self._num_threads

    @property
    def num_streams(self) -> int | None:
        """How many streams each inference steps; None for one without an axis for it."""
        return self._num_streams

    def metrics(self) -> Metrics:
        """Return what the program takes of its board."""
        return self._program.metrics()

    def cycle_count(self) -> int:
        """Return the cycles of one inference of the model that ran last.

        Deprecated: use :meth:`Program.cycle_count_per_inference`.
        """
        warnings.warn(
            "VM.cycle_count is deprecated; use Program.cycle_count_per_inference",
            DeprecationWarning,
            stacklevel=2,
        )
        return self._program.cycle_count_per_inference(*self._capacities, self._last_model)

    def compute_duration_us(self, clock_mhz: float | None = None) -> float:
        """Return the microseconds of one inference of the model that ran last.

        Deprecated: use :meth:`Program.compute_duration_per_inference_us`.

        Args:
            clock_mhz: The clock, the board's when None.
        """
        warnings.warn(
            "VM.compute_duration_us is deprecated; use Program.compute_duration_per_inference_us",
            DeprecationWarning,
            stacklevel=2,
        )
        return self._program.compute_duration_per_inference_us(
            clock_mhz, *self._capacities, self._last_model
        )

    def _model(self, model_index: int) -> _ModelPorts:
        if type(model_index) is not int:
            model_index = integer("model_index", model_index)
        if not 0 <= model_index < len(self._models):
            raise ValueError(
                f"model_index: {model_index} is out of range; the program has "
                f"{len(self._models)} model{'s' * (len(self._models) != 1)}"
            )
        self._last_model = model_index
        return self._models[model_index]

    def _run_columns(
        self, model: _ModelPorts, columns: list[Floats], steps: int, f32_round: bool
    ) -> list[Floats]:
        """Run a sequence as a whole, or in pieces between which a bar moves on."""
        gateway = self._remote.gateway
        if steps < _FEWEST_STEPS_WITH_BAR or not is_shown():
            return gateway.run_steps(model.plan, columns, f32_round)
        size = max(_FEWEST_STEPS_WITH_BAR // 4, steps // 200)
        parts: list[list[Floats]] = []
        with steps_bar(steps) as bar:
            for start in range(0, steps, size):
                piece = [column[start : start + size] for column in columns]
                parts.append(gateway.run_steps(model.plan, piece, f32_round))
                bar.update(len(piece[0]))
        return _joined(parts)

    def __repr__(self) -> str:
        names = ", ".join(model.name for model in self._models)
        streams = "" if self._num_streams is None else f", num_streams={self._num_streams}"
        return f"VM({names}{_MODES[self._mode]}, num_threads={self._num_threads}{streams})"

    def _repr_html_(self) -> str:
        rows = [
            [str(index), text(ports.name), _shown(ports.inputs), _shown(ports.outputs)]
            for index, ports in enumerate(self._models)
        ]
        for row, model in zip(rows, self._program._summary["models"], strict=True):
            row.append("kept from inference to inference" if model["stateful"] else "none")
        return table(repr(self), ["", "model", "inputs", "outputs", "state"], rows)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "a VM cannot be copied or pickled; make another with Program.to_vm and move its state "
            "with snapshot and restore"
        )

    def _run_sequence(
        self,
        model: _ModelPorts,
        inputs: Array | Sequence[Array],
        shapes: tuple[list[Shape], list[Shape]],
        dims: tuple[int | Sequence[int], int | Sequence[int]],
        f32_round: bool,
    ) -> Floats | tuple[Floats, ...]:
        in_shapes, out_shapes = shapes
        in_dims = _time_dims("input_timestep_dims", dims[0], in_shapes, "input")
        out_dims = _time_dims("output_timestep_dims", dims[1], out_shapes, "output")
        arrays = _listed(model, inputs)
        steps = _step_count(model, arrays, in_dims)
        whole = [
            (*shape[:dim], steps, *shape[dim:])
            for shape, dim in zip(in_shapes, in_dims, strict=True)
        ]
        arrays = _checked(model, arrays, whole)
        columns = [
            np.ascontiguousarray(np.moveaxis(array, dim, 0), dtype=np.float32).reshape(steps, -1)
            for array, dim in zip(arrays, in_dims, strict=True)
        ]
        results = self._run_columns(model, columns, steps, boolean("f32_round", f32_round))
        return _result(
            [
                np.moveaxis(values.reshape(steps, *shape), 0, dim).copy(order="C")
                for values, shape, dim in zip(results, out_shapes, out_dims, strict=True)
            ]
        )


def _shown(shapes: list[Shape]) -> str:
    return text(", ".join(str(list(shape)) for shape in shapes))


def _joined(parts: list[list[Floats]]) -> list[Floats]:
    return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]


def _result(outputs: list[Floats]) -> Floats | tuple[Floats, ...]:
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def _time_dims(name: str, given: Any, shapes: list[Shape], each: str) -> list[int]:
    dims = integers(name, given, len(shapes), each)
    for i, (dim, shape) in enumerate(zip(dims, shapes, strict=True)):
        rank = len(shape) + 1
        if not -rank <= dim < rank:
            raise ValueError(
                f"{name}: {dim} is out of range for {each} {i}, which has {rank} dimensions with "
                f"time; give one from 0 to {rank - 1}"
            )
    return [dim % (len(shape) + 1) for dim, shape in zip(dims, shapes, strict=True)]


def _step_count(model: _ModelPorts, arrays: list[Array], dims: list[int]) -> int:
    counts: list[int] = []
    for i, (array, dim) in enumerate(zip(arrays, dims, strict=True)):
        if dim >= array.ndim:
            raise ValueError(
                f"model {model.name}, input {i}: time dimension {dim} does not exist in shape "
                f"{array.shape}"
            )
        counts.append(array.shape[dim])
    if len(set(counts)) > 1:
        raise ValueError(
            f"model {model.name}: the inputs have {counts} time steps; they must agree"
        )
    if counts[0] == 0:
        raise ValueError(f"model {model.name}: the inputs have no time steps")
    return counts[0]


def _listed(model: _ModelPorts, inputs: Any) -> list[Array]:
    """Return one float array for each input."""
    arrays = [inputs] if isinstance(inputs, np.ndarray) or _is_tensor(inputs) else inputs
    if not isinstance(arrays, (list, tuple)):
        raise TypeError(
            f"inputs: a numpy array or a sequence of them is needed, got {type(inputs).__name__}"
        )
    if len(arrays) != len(model.inputs):
        raise ValueError(
            f"model {model.name} has {len(model.inputs)} input{'s' * (len(model.inputs) != 1)}, "
            f"got {len(arrays)}"
        )
    return [_as_float_array(model, i, array) for i, array in enumerate(arrays)]


def _as_float_array(model: _ModelPorts, index: int, value: Any) -> Array:
    if not isinstance(value, np.ndarray):
        hint = "; call .detach().numpy() on it" if _is_tensor(value) else ""
        raise TypeError(
            f"model {model.name}, input {index}: a numpy array is needed, got "
            f"{type(value).__module__}.{type(value).__qualname__}{hint}"
        )
    if value.dtype.kind != "f" and value.dtype.name != "bfloat16":
        raise ValueError(
            f"model {model.name}, input {index}: dtype {value.dtype} does not convert safely to "
            "float32; want float32 (float16, bfloat16 and float64 are converted)"
        )
    return np.asarray(value)


def _is_tensor(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch"


def _checked(model: _ModelPorts, inputs: Any, shapes: Sequence[Shape]) -> list[Array]:
    """Return one float array for each input, each of its shape."""
    arrays = _listed(model, inputs)
    for i, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
        if array.shape != shape:
            raise ValueError(
                f"model {model.name}, input {i}: shape {array.shape} does not match, want {shape}"
            )
    return arrays
