"""The context in which a program's jobs run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from vollo_compiler import VM, NumberFormat, Program
from vollo_compiler._arguments import integer
from vollo_rt._jobs import Jobs
from vollo_rt._tensors import converted, output_formats, taken

__all__ = ["VolloRTContext"]


class VolloRTContext(AbstractContextManager["VolloRTContext"]):
    """Runs jobs of a program on a virtual machine.

    Used as ``with VolloRTContext() as ctx:``, add a machine, load a program, then run it. Any
    number of contexts may be open; each has its own machine and state.

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
        self._accelerator: tuple[int, bool] | None = None
        self._loaded: tuple[Program, VM] | None = None
        self._jobs = Jobs()

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
        self._loaded = self._accelerator = None
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
        """Add a virtual machine in the place of an accelerator; a context has one.

        Args:
            accelerator_index: The number by which it is asked for.
            bit_accurate: Whether values are rounded as on the board; else all is float32.

        Raises:
            ValueError: The context has one already, or the index is negative.
        """
        self._check_open()
        index = integer("accelerator_index", accelerator_index, 0)
        if self._accelerator is not None:
            raise ValueError(
                f"this context has accelerator {self._accelerator[0]} already; open another "
                "VolloRTContext for a second one"
            )
        self._accelerator = (index, bool(bit_accurate))

    def load_program(self, program: str | os.PathLike[str] | Program) -> None:
        """Load a program; its models start with their first state.

        Args:
            program: The path of a program file, or a program.

        Raises:
            LoadError: The file cannot be read or is not a valid program.
            ValueError: There is no machine yet, or jobs of an earlier program are not done.
        """
        accelerator = self._ready_to_load()
        if not isinstance(program, (str, os.PathLike, Program)):
            raise TypeError(f"program: a path or a Program is needed, got {program!r}")
        loaded = program if isinstance(program, Program) else Program.load(program)
        self._loaded = (loaded, loaded.to_vm(bit_accurate=accelerator[1]))

    def load_program_bytes(self, program_bytes: bytes) -> None:
        """Load a program from the bytes of a program file.

        Args:
            program_bytes: What ``Program.save_bytes`` returned, or the content of a file.

        Raises:
            LoadError: They are not a valid program.
            ValueError: As for :meth:`load_program`.
        """
        self._ready_to_load()
        self.load_program(Program.load_bytes(program_bytes))

    def accelerator_num_cores(self, accelerator_index: int) -> int:
        """Return the number of cores; 0 for a machine before a program is loaded."""
        self._check_accelerator(accelerator_index)
        return 0 if self._loaded is None else self._loaded[0].hw_config().num_cores

    def accelerator_block_size(self, accelerator_index: int) -> int:
        """Return the block size; 0 for a machine before a program is loaded."""
        self._check_accelerator(accelerator_index)
        return 0 if self._loaded is None else self._loaded[0].hw_config().block_size

    # What the models are.

    def num_models(self) -> int:
        """Return the number of models of the program."""
        return self._program().num_models()

    def model_name(self, model_index: int = 0) -> str:
        """Return the name of a model."""
        return self._program().metrics().model_names[self._model(model_index)]

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
        vm = self._vm()
        index = self._model(model_index)
        if not self._program().model_is_resettable(index):
            raise ValueError(
                f"model {self.model_name(index)} cannot be reset; compile it with "
                "generate_state_reset=True, or load the program again"
            )
        return self._jobs.add(lambda: vm.reset(index))

    def poll(self) -> list[int]:
        """Do the next queued job and return the handles of the jobs done since the last poll."""
        self._vm()
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
        """Do all queued jobs, then put a model's state back to its start.

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
        """Add a job, poll until it is done, and return its outputs; jobs before it are done first.

        Args:
            inputs: As in :meth:`add_job`.
            model_index: See there.
            max_poll_iterations: How often to poll at most.
            sleep_duration_ms: Milliseconds to sleep between polls; None not to sleep.

        Raises:
            ValueError: The job is not done after so many polls; or as in :meth:`add_job`.
        """
        polls = integer("max_poll_iterations", max_poll_iterations, 1, 2**63 - 1)
        if sleep_duration_ms is not None and not sleep_duration_ms >= 0:
            raise ValueError(f"sleep_duration_ms: {sleep_duration_ms} is negative")
        handle = self.add_job(inputs, model_index)
        for _ in range(polls):
            self._jobs.advance()
            if self._jobs.is_done(handle):
                return self._jobs.take(handle)
            if sleep_duration_ms is not None:
                time.sleep(sleep_duration_ms / 1000)
        raise ValueError(
            f"max_poll_iterations: job {handle} is not done after {polls} polls; poll on and get "
            "its result by this handle"
        )

    def _add(self, inputs: Any, model_index: int, formats: Any, wanted: NumberFormat | None) -> int:
        vm, program = self._vm(), self._program()
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

        def work() -> Any:
            outputs = vm.run(copied.arrays, index)
            several = outputs if isinstance(outputs, tuple) else (outputs,)
            return converted(several, chosen, copied.are_tensors)

        return self._jobs.add(work)

    def _check_open(self) -> None:
        if self._open is None:
            raise ValueError("this context is not open; use `with VolloRTContext() as ctx:`")
        if not self._open:
            raise ValueError("this context has been closed; open a new VolloRTContext")

    def _check_accelerator(self, accelerator_index: int) -> tuple[int, bool]:
        self._check_open()
        index = integer("accelerator_index", accelerator_index)
        if self._accelerator is None or self._accelerator[0] != index:
            has = "none yet" if self._accelerator is None else f"number {self._accelerator[0]}"
            raise ValueError(f"accelerator_index: there is no accelerator {index}; it has {has}")
        return self._accelerator

    def _ready_to_load(self) -> tuple[int, bool]:
        self._check_open()
        if self._accelerator is None:
            raise ValueError("there is no machine to load a program on; call add_vm first")
        if len(self._jobs):
            raise ValueError(
                f"{len(self._jobs)} jobs of the loaded program are not done; poll until they are"
            )
        return self._accelerator

    def _program(self) -> Program:
        self._check_open()
        if self._loaded is None:
            raise ValueError("no program is loaded; call load_program first")
        return self._loaded[0]

    def _vm(self) -> VM:
        self._program()
        assert self._loaded is not None
        return self._loaded[1]

    def _model(self, model_index: int) -> int:
        """Return a model's index, checked."""
        self._program().model_num_inputs(model_index)
        return int(model_index)


_DTYPES = {NumberFormat.BF16: "bfloat16", NumberFormat.FP32: "float32"}
