"""The context in which a program's jobs run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from vollo_compiler import NumberFormat, Program
from vollo_compiler._arguments import integer, number
from vollo_rt._accelerators import Accelerators
from vollo_rt._jobs import Jobs
from vollo_rt._tensors import converted, output_formats, taken

__all__ = ["VolloRTContext"]


class VolloRTContext(AbstractContextManager["VolloRTContext"]):
    """Runs jobs of a program on virtual machines.

    Used as ``with VolloRTContext() as ctx:``, add one machine or several, load a program, then run
    it. Any number of contexts may be open; each has its own machines and state.

    All machines of a context have the program. A job of a model without state goes to the one where
    the fewest wait; the results do not depend on it. A model with state, such as a streaming one,
    has it on the machine that was added first, which does all its jobs in their order.

    >>> import numpy as np
    >>> import vollo_rt
    >>> from vollo_compiler import Config, Program
    >>> program = Program.io_only_test(Config.ip_core(1, 4), 4, 4)
    >>> with vollo_rt.VolloRTContext() as ctx:
    ...     ctx.add_vm(0, bit_accurate=True)
    ...     ctx.load_program(program)
    ...     ctx.run(np.array([1, 2, 3, 4], np.float32))
    array([1., 2., 3., 4.], dtype=float32)

    Misuse (no machine, no program, a closed context, an unknown handle) is a ValueError that says
    what to do first.
    """

    number_format_bf16 = NumberFormat.BF16
    number_format_fp32 = NumberFormat.FP32

    def __init__(self) -> None:
        self._open: bool | None = None
        self._accelerators = Accelerators()
        self._jobs = Jobs()

    def __repr__(self) -> str:
        if not self._open:
            return f"VolloRTContext({'closed' if self._open is False else 'not open'})"
        program = self._accelerators.program
        loaded = "no program" if program is None else ", ".join(program.metrics().model_names)
        return f"VolloRTContext({len(self._accelerators)} accelerators, {loaded})"

    def __enter__(self) -> VolloRTContext:
        if self._open is not None:
            raise ValueError("this context has been opened before; make a new VolloRTContext")
        self._open = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open = False
        self._accelerators = Accelerators()
        self._jobs = Jobs()

    # Machines and programs.

    def add_accelerator(self, accelerator_index: int) -> None:
        """Add a hardware accelerator, which this runtime never has.

        Raises:
            ValueError: Always.
        """
        self._check_open()
        index = integer("accelerator_index", accelerator_index)
        raise ValueError(
            f"accelerator {index}: there is no hardware accelerator; NNIR Bridge runs programs on "
            f"its virtual machine, use add_vm({index}, bit_accurate=True)"
        )

    def add_device(self, accelerator_index: int) -> None:
        """Add a hardware accelerator by the older name; see :meth:`add_accelerator`.

        Raises:
            ValueError: Always.
        """
        self.add_accelerator(accelerator_index)

    def add_vm(self, accelerator_index: int, bit_accurate: bool) -> None:
        """Add a virtual machine in the place of an accelerator.

        Args:
            accelerator_index: The number by which it is asked for.
            bit_accurate: Whether values are rounded as on the board; else all is float32. The same
                for all machines of a context.

        Raises:
            TypeError: An argument is of a wrong type.
            ValueError: The context has that one already, the index is negative, machines differ in
                ``bit_accurate``, or a program is loaded already.
        """
        self._check_open()
        self._accelerators.add(accelerator_index, bit_accurate)

    def load_program(self, program: str | os.PathLike[str] | Program) -> None:
        """Load a program on all machines; its models start with their first state.

        Args:
            program: The path of a program file, or a program.

        Raises:
            LoadError: The file cannot be read or is not a valid program.
            ValueError: There is no machine yet, or jobs of an earlier program are not done.
        """
        self._check_ready_to_load()
        if not isinstance(program, (str, os.PathLike, Program)):
            raise TypeError(f"program: a path or a Program is needed, got {program!r}")
        self._accelerators.load(program if isinstance(program, Program) else Program.load(program))
        self._jobs.widen(len(self._accelerators))

    def load_program_bytes(self, program_bytes: bytes) -> None:
        """Load a program from the bytes of a program file.

        Args:
            program_bytes: What ``Program.save_bytes`` returned, or the content of a file.

        Raises:
            LoadError: They are not a valid program.
            TypeError: They are no bytes.
            ValueError: As for :meth:`load_program`.
        """
        self._check_ready_to_load()
        if not isinstance(program_bytes, (bytes, bytearray, memoryview)):
            raise TypeError(f"program_bytes: bytes are needed, got {type(program_bytes).__name__}")
        self.load_program(Program.load_bytes(bytes(program_bytes)))

    def accelerator_num_cores(self, accelerator_index: int) -> int:
        """Return the number of cores; 0 for a machine before a program is loaded."""
        self._check_open()
        self._accelerators.check(accelerator_index)
        program = self._accelerators.program
        return 0 if program is None else program.hw_config().num_cores

    def accelerator_block_size(self, accelerator_index: int) -> int:
        """Return the block size; 0 for a machine before a program is loaded."""
        self._check_open()
        self._accelerators.check(accelerator_index)
        program = self._accelerators.program
        return 0 if program is None else program.hw_config().block_size

    # What the models are.

    def num_models(self) -> int:
        """Return the number of models of the program."""
        return self._program().num_models()

    def model_name(self, model_index: int = 0) -> str:
        """Return the name of a model."""
        program, index = self._program(), self._model(model_index)
        name: str = program._summary["models"][index]["name"]
        return name

    def model_num_inputs(self, model_index: int = 0) -> int:
        """Return the number of inputs of a model."""
        return self._program().model_num_inputs(model_index)

    def model_num_outputs(self, model_index: int = 0) -> int:
        """Return the number of outputs of a model."""
        return self._program().model_num_outputs(model_index)

    def model_input_shape(self, model_index: int = 0, input_index: int = 0) -> tuple[int, ...]:
        """Return the shape of an input, one time step of it for a streaming model."""
        return self._program().model_input_shape(model_index, input_index)

    def model_output_shape(self, model_index: int = 0, output_index: int = 0) -> tuple[int, ...]:
        """Return the shape of an output, one time step of it for a streaming model."""
        return self._program().model_output_shape(model_index, output_index)

    def model_input_streaming_dim(self, model_index: int = 0, input_index: int = 0) -> int | None:
        """Return the time axis of the whole input, None when the model does not stream it."""
        return self._program().model_input_streaming_dim(model_index, input_index)

    def model_output_streaming_dim(self, model_index: int = 0, output_index: int = 0) -> int | None:
        """Return the time axis of the whole output, None when the model does not stream it."""
        return self._program().model_output_streaming_dim(model_index, output_index)

    def model_output_format(self, model_index: int = 0, output_index: int = 0) -> NumberFormat:
        """Return the format in which an output leaves the machine."""
        return self._program().model_output_number_format(model_index, output_index)

    def model_is_resettable(self, model_index: int = 0) -> bool:
        """Tell whether :meth:`reset` can put a model's state back to its start."""
        return self._program().model_is_resettable(model_index)

    # Jobs.

    def add_job(
        self,
        inputs: Any,
        model_index: int = 0,
        output_formats: Sequence[NumberFormat] | NumberFormat | None = None,
    ) -> int:
        """Queue an inference; :meth:`poll` does it.

        Args:
            inputs: One float32 or bfloat16 numpy array or torch tensor, or a sequence with one for
                each input, with the shapes of the model and any strides. They are copied.
            model_index: The model.
            output_formats: ``number_format_bf16`` or ``number_format_fp32`` for each output. None
                gives bfloat16 when all inputs are, else float32.

        Returns:
            The job's handle, for :meth:`get_result`. Results are torch tensors when an input is
            one, else numpy arrays (bfloat16 ones need ml_dtypes).

        Raises:
            TypeError: An input is neither an array nor a tensor, or a format is none.
            ValueError: A shape, dtype, or number of inputs or formats, or the model is wrong.
        """
        return self._add(inputs, model_index, output_formats, None)

    def add_job_bf16(self, inputs: Any, model_index: int = 0) -> int:
        """Queue an inference from bfloat16 inputs to bfloat16 outputs.

        Args:
            inputs: As in :meth:`add_job`, all bfloat16.
            model_index: See there.

        Raises:
            ValueError: An input is float32, or as in :meth:`add_job`.
        """
        return self._add(inputs, model_index, NumberFormat.BF16, NumberFormat.BF16)

    def add_job_f32(self, inputs: Any, model_index: int = 0) -> int:
        """Queue an inference from float32 inputs to float32 outputs.

        Args:
            inputs: As in :meth:`add_job`, all float32.
            model_index: See there.

        Raises:
            ValueError: An input is bfloat16, or as in :meth:`add_job`.
        """
        return self._add(inputs, model_index, NumberFormat.FP32, NumberFormat.FP32)

    def add_reset_job(self, model_index: int = 0) -> int:
        """Queue the reset of a model's state, after the jobs before and before those that follow.

        Returns:
            The job's handle; its result is None.

        Raises:
            ValueError: The model cannot be reset.
        """
        index = self._model(model_index)
        if not self._program().model_is_resettable(index):
            raise ValueError(
                f"model {self.model_name(index)} cannot be reset; compile it with "
                "generate_state_reset=True, or load the program again"
            )
        # A model without state may have jobs anywhere, but then there is nothing to reset.
        vm = self._accelerators.machine(0)
        return self._jobs.add(0, lambda: vm.reset(index))

    def poll(self) -> list[int]:
        """Do the next queued job of each machine; return the handles of all jobs done unreported.

        Jobs of one machine are done, and reported, in the order in which they were added.
        """
        self._program()
        self._jobs.advance()
        return self._jobs.report()

    def get_result(self, user_ctx: int) -> Any:
        """Return the outputs of a job that is done, once: one, or a tuple of several.

        Args:
            user_ctx: The handle. Jobs may be asked for in any order.

        Raises:
            ValueError: There is no such job, it is not done, or its result was taken before.
        """
        self._check_open()
        return self._jobs.take(user_ctx)

    def reset(self, model_index: int = 0) -> None:
        """Do the jobs that its machine was given, then put a model's state back to its start.

        Raises:
            ValueError: The model cannot be reset.
        """
        handle = self.add_reset_job(model_index)
        while not self._jobs.is_done(handle):
            self._jobs.advance()
        self._jobs.take(handle)

    def run(
        self,
        inputs: Any,
        model_index: int = 0,
        max_poll_iterations: int = 20000000000,
        sleep_duration_ms: float | None = None,
    ) -> Any:
        """Add a job, poll until it is done, and return its outputs.

        Jobs that its machine got before are done first.

        Args:
            inputs: As in :meth:`add_job`.
            model_index: See there.
            max_poll_iterations: How often to poll at most.
            sleep_duration_ms: Milliseconds to sleep between polls; None not to sleep.

        Raises:
            TypeError: A number is none; or as in :meth:`add_job`.
            ValueError: The job is not done after so many polls; or as there.
        """
        polls = integer("max_poll_iterations", max_poll_iterations, 1, 2**63 - 1)
        millis = (
            None if sleep_duration_ms is None else number("sleep_duration_ms", sleep_duration_ms)
        )
        if millis is not None and not 0 <= millis < float("inf"):
            raise ValueError(
                f"sleep_duration_ms: a number of at least 0 is needed, got {sleep_duration_ms}"
            )
        handle = self.add_job(inputs, model_index)
        for _ in range(polls):
            self._jobs.advance()
            if self._jobs.is_done(handle):
                return self._jobs.take(handle)
            if millis is not None:
                time.sleep(millis / 1000)
        raise ValueError(
            f"max_poll_iterations: job {handle} is not done after {polls} polls; poll on and get "
            "its result by this handle"
        )

    def _add(self, inputs: Any, model_index: int, formats: Any, wanted: NumberFormat | None) -> int:
        program = self._program()
        index = self._model(model_index)
        name = self.model_name(index)
        shapes = [program.model_input_shape(index, i) for i in range(self.model_num_inputs(index))]
        copied = taken(name, inputs, shapes)
        for i, own in enumerate(copied.formats):
            if wanted is not None and own is not wanted:
                method = "add_job_bf16" if wanted is NumberFormat.BF16 else "add_job_f32"
                raise ValueError(
                    f"model {name}, input {i}: {method} takes {_DTYPES[wanted]} inputs, got "
                    f"{_DTYPES[own]}; use add_job for any"
                )
        chosen = output_formats(formats, program.model_num_outputs(index), copied)

        lane = self._jobs.least_busy(self._accelerators.lanes_of(index))
        vm = self._accelerators.machine(lane)

        def work() -> Any:
            outputs = vm.run(copied.arrays, index)
            several = outputs if isinstance(outputs, tuple) else (outputs,)
            return converted(several, chosen, copied.are_tensors)

        return self._jobs.add(lane, work)

    def _check_open(self) -> None:
        if self._open is None:
            raise ValueError("this context is not open; use `with VolloRTContext() as ctx:`")
        if not self._open:
            raise ValueError("this context has been closed; open a new VolloRTContext")

    def _check_ready_to_load(self) -> None:
        self._check_open()
        if not len(self._accelerators):
            raise ValueError("there is no machine to load a program on; call add_vm first")
        if len(self._jobs):
            raise ValueError(
                f"{len(self._jobs)} jobs of the loaded program are not done; poll until they are"
            )

    def _program(self) -> Program:
        self._check_open()
        program = self._accelerators.program
        if program is None:
            raise ValueError("no program is loaded; call load_program first")
        return program

    def _model(self, model_index: int) -> int:
        """Return a model's index, checked."""
        self._program().model_num_inputs(model_index)
        return int(model_index)


_DTYPES = {NumberFormat.BF16: "bfloat16", NumberFormat.FP32: "float32"}
