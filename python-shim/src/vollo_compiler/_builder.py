"""Programs of several models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vollo_compiler._arguments import boolean, is_listed
from vollo_compiler._config import Config
from vollo_compiler._nnir import NNIR
from vollo_compiler._options import compile_models, model_entry
from vollo_compiler._program import Program

__all__ = ["ProgramBuilder"]


class ProgramBuilder:
    """Collects models and compiles them into one program; equal weights are stored once.

    >>> import torch, vollo_torch
    >>> from vollo_compiler import Config, ProgramBuilder
    >>> builder = ProgramBuilder(Config.bittware_ia420f_c6b32())
    >>> for size in (8, 24):
    ...     layer, _ = vollo_torch.fx.prepare_shape(torch.nn.Linear(size, 2), torch.zeros(size))
    ...     builder.add_nnir(vollo_torch.fx.nnir.to_nnir(layer), f"layer{size}")
    >>> program = builder.to_program()
    >>> program.num_models(), program.model_input_shape(model_index=1)
    (2, (24,))
    >>> program.metrics().model_names
    ['layer8', 'layer24']

    Args:
        config: The board.
        remember_allocations: Accepted for compatibility; compiling is deterministic without it.
    """

    def __init__(self, config: Config, remember_allocations: bool = False) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"config: a vollo_compiler.Config is needed, got {config!r}")
        boolean("remember_allocations", remember_allocations)
        self._config = config._json()
        self._nnirs: list[NNIR] = []
        self._entries: list[dict[str, Any]] = []

    def add_nnir(
        self,
        nnir: NNIR,
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
        core_indices: Sequence[int] | None = None,
    ) -> None:
        """Add a model; its index is the number of models added before.

        Args:
            nnir: The model.
            name: Its name in the program.
            optimize_transforms: As in :meth:`NNIR.to_program`, and so are the following.
            allow_dynamic_weights: See there.
            allow_mixed_precision_fusion: See there.
            max_sparse_entries: See there.
            quick_compile: See there.
            output_buffer_capacity: See there.
            write_queue_capacity: See there.
            random_seeds: See there.
            allow_unserializable: See there.
            generate_state_reset: See there.
            stateful_accumulators_in_tensor_ram: See there.
            core_indices: The cores that the model may use; None for all.

        Raises:
            TypeError: ``nnir`` is not a model, or an option is of a wrong type.
            ValueError: An option is out of its range. The model is then not added.
        """
        if not isinstance(nnir, NNIR):
            raise TypeError(f"nnir: a vollo_compiler.NNIR is needed, got {type(nnir).__name__}")
        if core_indices is not None and is_listed(core_indices) and not len(core_indices):
            raise ValueError("core_indices: at least one core is needed; None means all")
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
            "core_indices": core_indices,
        }
        default = f"model{len(self._entries)}"
        entry = model_entry(nnir._remote, default if name is None else name, options)
        nnir._remote.gateway.call("checkOptions", self._config, json.dumps(entry["options"]))
        self._nnirs.append(nnir)
        self._entries.append(entry)

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self._nnirs)

    def __repr__(self) -> str:
        names = ", ".join(entry["name"] for entry in self._entries)
        return f"ProgramBuilder({names})"

    def to_program(self) -> Program:
        """Compile the models.

        Raises:
            AllocationError: They do not fit the board together.
            ValueError: There is no model, or one or an option is not supported.
        """
        if not self._nnirs:
            raise ValueError("ProgramBuilder: no model has been added; use add_nnir first")
        gateway = self._nnirs[0]._remote.gateway
        for nnir in self._nnirs:
            if nnir._remote.gateway is not gateway:
                raise ValueError(
                    "ProgramBuilder: a model was made before the gateway was started again; make "
                    "all models again"
                )
        return Program._of(*compile_models(gateway, self._config, self._entries))
