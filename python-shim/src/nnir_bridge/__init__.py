"""The private runtime between the Python packages and the Java gateway."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnir_bridge._errors import GatewayError
from nnir_bridge._gateway import current_gateway
from nnir_bridge._log import gateway_log, set_log_level
from nnir_bridge._progress import show_progress

if TYPE_CHECKING:
    from vollo_compiler import NNIR

__all__ = ["GatewayError", "gateway_log", "import_fx", "set_log_level", "show_progress"]


def import_fx(
    graph: dict[str, Any],
    tensors: Sequence[npt.NDArray[Any]],
    inputs_precisions: Sequence[str],
    outputs_precisions: Sequence[str],
) -> NNIR:
    """Import a traced graph.

    Args:
        graph: The nodes of a torch.fx graph as JSON values.
        tensors: Its parameters and constants, in the order in which the graph refers to them.
        inputs_precisions: ``BF16`` or ``FP32``, one for all inputs or one each.
        outputs_precisions: The same for the outputs.

    Returns:
        The model as NNIR.

    Raises:
        ValueError: The model holds operations that are not supported.
    """
    from vollo_compiler._nnir import NNIR

    gateway = current_gateway()
    values = [np.asarray(tensor, dtype=np.float32) for tensor in tensors]
    remote, answer = gateway.create(
        "importFx",
        json.dumps(graph, allow_nan=False),
        gateway.upload_tensors(values),
        json.dumps([value.shape for value in values]),
        json.dumps(list(inputs_precisions)),
        json.dumps(list(outputs_precisions)),
    )
    return NNIR._of(remote, answer["num_outputs"])
