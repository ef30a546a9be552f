"""Compiled programs."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from typing import Any

from nnir_bridge._gateway import RemoteObject, current_gateway
from vollo_compiler._arguments import boolean, integer, positive
from vollo_compiler._config import Config
from vollo_compiler._explanation import Explanation
from vollo_compiler._files import read, write
from vollo_compiler._metrics import Metrics
from vollo_compiler._number_format import NumberFormat
from vollo_compiler._tables import lines, table, text
from vollo_compiler._vm import VM

__all__ = ["Program"]

_MOST_THREADS = 64
_PORTS = ("inputs", "outputs")
_HEADER = ["", "model", "inputs", "outputs", "per inference", "at its clock"]


class Program:
    """What a board is loaded with: one or more compiled models.

    Made by :meth:`NNIR.to_program`, :class:`ProgramBuilder` or :meth:`Program.load`.
    """

    _remote: RemoteObject
    _summary: dict[str, Any]

    def __init__(self) -> None:
        raise TypeError("Program has no constructor; use NNIR.to_program or Program.load")

    @classmethod
    def _of(cls, remote: RemoteObject, summary: dict[str, Any]) -> Program:
        program = cls.__new__(cls)
        program._remote = remote
        program._summary = summary
        return program

    def __len__(self) -> int:
        """Return the number of models."""
        return self.num_models()

    def __reduce__(self) -> tuple[Any, ...]:
        return Program.load_bytes, (self.save_bytes(),)

    def _rows(self) -> list[list[str]]:
        board = self._summary["config"]
        rows = []
        for index, model in enumerate(self._summary["models"]):
            cycles = self.cycle_count_per_inference(model_index=index)
            ports = [", ".join(_shown(port) for port in model[kind]) for kind in _PORTS]
            micros = f"{cycles / board['clock_mhz']:.2f} us"
            rows.append([str(index), model["name"], *ports, f"{cycles} cycles", micros])
        return rows

    def _title(self) -> str:
        board = self._summary["config"]
        return (
            f"Program for {board['name']} ({board['num_cores']} cores, block size "
            f"{board['block_size']}, {board['clock_mhz']} MHz)"
        )

    def __repr__(self) -> str:
        return "\n".join([self._title(), *lines([_HEADER, *self._rows()])])

    def _repr_html_(self) -> str:
        rows = [[text(cell) for cell in row] for row in self._rows()]
        return table(self._title(), _HEADER, rows) + self.metrics()._repr_html_()

    # What the models are.

    def num_models(self) -> int:
        """Return the number of models."""
        return len(self._summary["models"])

    def model_num_inputs(self, model_index: int = 0) -> int:
        """Return the number of inputs of a model."""
        return len(self._model(model_index)["inputs"])

    def model_num_outputs(self, model_index: int = 0) -> int:
        """Return the number of outputs of a model."""
        return len(self._model(model_index)["outputs"])

    def model_input_shape(self, model_index: int = 0, input_index: int = 0) -> tuple[int, ...]:
        """Return the shape of an input, one time step of it for a streaming model."""
        return tuple(self._input(model_index, input_index)["shape"])

    def model_output_shape(self, model_index: int = 0, output_index: int = 0) -> tuple[int, ...]:
        """Return the shape of an output, one time step of it for a streaming model."""
        return tuple(self._output(model_index, output_index)["shape"])

    def model_input_number_format(self, model_index: int = 0, input_index: int = 0) -> NumberFormat:
        """Return the format in which an input crosses to the machine."""
        return NumberFormat[self._input(model_index, input_index)["format"]]

    def model_output_number_format(
        self, model_index: int = 0, output_index: int = 0
    ) -> NumberFormat:
        """Return the format in which an output leaves the machine."""
        return NumberFormat[self._output(model_index, output_index)["format"]]

    def model_input_streaming_dim(self, model_index: int = 0, input_index: int = 0) -> int | None:
        """Return the time axis of the whole input, None when the model does not stream it."""
        dim: int | None = self._input(model_index, input_index)["streaming_dim"]
        return dim

    def model_output_streaming_dim(self, model_index: int = 0, output_index: int = 0) -> int | None:
        """Return the time axis of the whole output, None when the model does not stream it."""
        dim: int | None = self._output(model_index, output_index)["streaming_dim"]
        return dim

    def model_is_resettable(self, model_index: int = 0) -> bool:
        """Tell whether :meth:`VM.reset` can put a model's state back to its start."""
        return bool(self._model(model_index)["resettable"])

    def hw_config(self) -> Config:
        """Return the board that the program was compiled for."""
        return Config._of(self._summary["config"])

    def metrics(self) -> Metrics:
        """Return what the program takes of its board."""
        return Metrics._of(copy.deepcopy(self._summary["metrics"]))

    # How long an inference takes.

    def cycle_count_per_inference(
        self,
        write_queue_capacity: int = 32,
        output_buffer_capacity: int = 64,
        model_index: int = 0,
        spaced: bool = True,
    ) -> int:
        """Return the clock cycles from the first input word to the last output word.

        Args:
            write_queue_capacity: Words that the write queue holds.
            output_buffer_capacity: Words that the output buffer holds.
            model_index: The model.
            spaced: Whether there is idle time before the inference, or one runs after another.

        Raises:
            ValueError: There is no such model, or a capacity is out of range.
        """
        cycles: int = self._estimate(
            model_index, write_queue_capacity, output_buffer_capacity, spaced
        )["cycles"]
        return cycles

    def compute_duration_per_inference_us(
        self,
        clock_mhz: float | None = None,
        write_queue_capacity: int = 32,
        output_buffer_capacity: int = 64,
        model_index: int = 0,
        spaced: bool = True,
    ) -> float:
        """Return the duration of an inference in microseconds.

        Args:
            clock_mhz: The clock, the board's when None.
            write_queue_capacity: As in :meth:`cycle_count_per_inference`.
            output_buffer_capacity: See there.
            model_index: See there.
            spaced: See there.

        Raises:
            TypeError: The clock is not a number.
            ValueError: It is not positive; or as there.
        """
        own: int = self._summary["config"]["clock_mhz"]
        clock = own if clock_mhz is None else positive("clock_mhz", clock_mhz)
        cycles = self.cycle_count_per_inference(
            write_queue_capacity, output_buffer_capacity, model_index, spaced
        )
        return cycles / clock

    def cycle_summary_per_inference(
        self,
        write_queue_capacity: int = 32,
        output_buffer_capacity: int = 64,
        model_index: int = 0,
        spaced: bool = True,
    ) -> dict[str, int]:
        """Return named cycle counts of an inference, counted from the first input word.

        Args:
            write_queue_capacity: As in :meth:`cycle_count_per_inference`.
            output_buffer_capacity: See there.
            model_index: See there.
            spaced: See there.
        """
        figures: dict[str, int] = self._estimate(
            model_index, write_queue_capacity, output_buffer_capacity, spaced
        )["figures"]
        return figures

    def explain(
        self,
        write_queue_capacity: int = 32,
        output_buffer_capacity: int = 64,
        model_index: int = 0,
        spaced: bool = True,
    ) -> Explanation:
        """Say where the cycles of an inference go (an extension).

        Args:
            write_queue_capacity: As in :meth:`cycle_count_per_inference`.
            output_buffer_capacity: See there.
            model_index: See there.
            spaced: See there.

        Returns:
            The critical path, the operators, the cores and what would help: as text, as a dict and
            as a plot.

        Raises:
            ValueError: There is no such model, or a capacity is out of range.
        """
        answer = self._estimate(
            model_index, write_queue_capacity, output_buffer_capacity, spaced, "explain"
        )
        return Explanation(answer["data"], answer["text"])

    def host_duration_per_inference_us(self, model_index: int = 0) -> float:
        """Return how long an inference's values are under way to the board and back.

        An extension. The compute estimates leave this out; an end-to-end latency is the sum of the
        two. It follows from the bytes of the padded inputs and outputs and the board's link
        (``docs/machine.md``).

        Args:
            model_index: The model.

        Returns:
            Microseconds.

        Raises:
            ValueError: There is no such model.
        """
        duration: float = self._model(model_index)["host_micros"]
        return duration

    def with_timing(self, timing: Mapping[str, int]) -> Program:
        """Return the same instructions for a board whose units take other times (an extension).

        Only the estimate changes: it answers what a faster unit or link would bring.

        Args:
            timing: Cycles by the names of ``docs/machine.md``; those left out stay.

        Raises:
            TypeError: It is no mapping.
            ValueError: A name is not known or a number is out of its range.
        """
        if not isinstance(timing, Mapping):
            raise TypeError(f"timing: a mapping of names to integers is needed, got {timing!r}")
        cycles = {**self._summary["config"]["timing"], **timing}
        return Program._of(
            *self._remote.gateway.create("retime", self._remote.handle, json.dumps(cycles))
        )

    # Files.

    def save(self, output_path: str | os.PathLike[str]) -> None:
        """Write the program to a file, which is either complete afterwards or as it was.

        Args:
            output_path: The file.

        Raises:
            SaveError: The program or the file cannot be written.
        """
        write("program", output_path, self.save_bytes())

    def save_bytes(self) -> bytes:
        """Return the program as the bytes of a program file."""
        return self._remote.gateway.download(self._remote.handle)

    @staticmethod
    def load(input_path: str | os.PathLike[str]) -> Program:
        """Read a program from a file; reading runs no code from it.

        Args:
            input_path: A file that :meth:`save` wrote.

        Raises:
            LoadError: There is no such file, or it is not a valid program.
        """
        return read("program", input_path, Program.load_bytes)

    @staticmethod
    def load_bytes(data: bytes) -> Program:
        """Read a program from the bytes of a program file.

        Args:
            data: What :meth:`save_bytes` returned, or the content of a file.

        Raises:
            LoadError: They are not a valid program.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data: bytes are needed, got {type(data).__name__}")
        gateway = current_gateway()
        return Program._of(*gateway.create("loadProgram", gateway.upload_bytes(bytes(data))))

    def pack(self) -> None:
        """Check that the program fits the board and can be saved.

        Raises:
            AllocationError: It does not fit.
            SaveError: It cannot be saved.
        """
        self.save_bytes()

    # Running.

    def to_vm(
        self,
        write_queue_capacity: int = 32,
        output_buffer_capacity: int = 64,
        bit_accurate: bool = True,
        no_compute: bool = False,
        *,
        num_threads: int | None = None,
        num_streams: int | None = None,
    ) -> VM:
        """Return a new virtual machine with its own state.

        Machines of one program share its weights.

        Args:
            write_queue_capacity: Words that the write queue holds.
            output_buffer_capacity: Words that the output buffer holds.
            bit_accurate: Whether values are rounded as on the board; else all is float32.
            no_compute: Whether values only move.
            num_threads: At most how many threads share an inference's work; the bits do not depend
                on it. A small model gets fewer where all would leave no processor for Python.
                None takes the environment variable NNIR_BRIDGE_THREADS, or where there is none as
                many as pay for the size of the models.
            num_streams: How many independent sequences to step at once, each with a state of its
                own. The shape of every input and output then begins with an axis of this extent;
                weights are read once for all streams. None for one stream without that axis.

        Raises:
            ValueError: A number is out of its range.
        """
        accurate, moves = boolean("bit_accurate", bit_accurate), boolean("no_compute", no_compute)
        mode = "NO_COMPUTE" if moves else "BIT_ACCURATE" if accurate else "FLOAT32"
        queue = integer("write_queue_capacity", write_queue_capacity, 1)
        buffer = integer("output_buffer_capacity", output_buffer_capacity, 1)
        threads = _thread_count(num_threads)
        streams = None if num_streams is None else integer("num_streams", num_streams, 1, 4096)
        remote, answer = self._remote.gateway.create(
            "createVm", self._remote.handle, mode, threads, streams or 1
        )
        return VM._of(self, remote, answer, streams, (queue, buffer), mode)

    @staticmethod
    def io_only_test(config: Config, input_values: int, output_values: int) -> Program:
        """Return a program that takes values in and gives values out and computes nothing.

        It has one model with one input and one output of rank 1, both BF16. Every output word is
        the last input word, so that outputs start when all of the input is there.

        >>> program = Program.io_only_test(Config.bittware_ia420f_c6b32(), 64, 10)
        >>> program.model_input_shape(), program.model_output_shape()
        ((64,), (10,))
        >>> program.metrics().weight_store_used
        [0, 0, 0, 0, 0, 0]

        Args:
            config: The board.
            input_values: Values of the input, from 1 to 2**24.
            output_values: Values of the output, likewise.

        Raises:
            TypeError: ``config`` is not a configuration, or a number is not an integer.
            ValueError: A number is out of its range.
        """
        if not isinstance(config, Config):
            raise TypeError(f"config: a vollo_compiler.Config is needed, got {config!r}")
        gateway = current_gateway()
        return Program._of(
            *gateway.create(
                "ioOnlyProgram",
                config._json(),
                integer("input_values", input_values),
                integer("output_values", output_values),
            )
        )

    def transform_to_io_only_test(self) -> Program:
        """Return the program with the same models, inputs and outputs that computes nothing.

        It shows what input and output alone take: every output word is the model's last input
        word. This program is unchanged.
        """
        gateway = self._remote.gateway
        return Program._of(*gateway.create("toIoOnlyProgram", self._remote.handle))

    def _model(self, model_index: int) -> dict[str, Any]:
        models: list[dict[str, Any]] = self._summary["models"]
        return models[self._index("model_index", model_index, len(models), "models")]

    def _input(self, model_index: int, input_index: int) -> dict[str, Any]:
        ports: list[dict[str, Any]] = self._model(model_index)["inputs"]
        return ports[self._index("input_index", input_index, len(ports), "inputs")]

    def _output(self, model_index: int, output_index: int) -> dict[str, Any]:
        ports: list[dict[str, Any]] = self._model(model_index)["outputs"]
        return ports[self._index("output_index", output_index, len(ports), "outputs")]

    @staticmethod
    def _index(name: str, index: int, count: int, things: str) -> int:
        number = integer(name, index)
        if not 0 <= number < count:
            raise ValueError(f"{name}: {number} is out of range; there are {count} {things}")
        return number

    def _estimate(
        self,
        model_index: int,
        write_queue: int,
        output_buffer: int,
        spaced: bool,
        method: str = "estimate",
    ) -> dict[str, Any]:
        models = self._summary["models"]
        return self._remote.gateway.call(
            method,
            self._remote.handle,
            self._index("model_index", model_index, len(models), "models"),
            integer("write_queue_capacity", write_queue, 1),
            integer("output_buffer_capacity", output_buffer, 1),
            boolean("spaced", spaced),
        )


def _shown(port: dict[str, Any]) -> str:
    return f"{port['name']} {port['shape']} {port['format']}"


def _thread_count(given: int | None) -> int:
    """Return the number of threads to ask for; 0 lets the gateway choose."""
    if given is not None:
        return integer("num_threads", given, 1, _MOST_THREADS)
    text = os.environ.get("NNIR_BRIDGE_THREADS", "")
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_THREADS:
        raise ValueError(
            f"NNIR_BRIDGE_THREADS is {text!r}; a number from 1 to {_MOST_THREADS} is needed"
        )
    return int(text)
