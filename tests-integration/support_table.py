"""Write what the operator table shows: ``python3 tests-integration/support_table.py``.

Writes the README's table of supported operators, and ``operator_support.csv``: the data dimensions
(``free`` for the compiler's choice) and streaming axes with which each case of the table compiles.
"""

from __future__ import annotations

import csv
import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bootstrap

README = bootstrap.ROOT / "README.md"
RECORD = Path(__file__).parent / "operator_support.csv"
FREE = -1
LAYOUTS = (FREE, 0, 1, 2)


@dataclass(frozen=True)
class Recorded:
    """With which data dimensions of its input and over which axes a case compiles."""

    layouts: tuple[int, ...]
    streams: tuple[int, ...]


def recorded() -> dict[str, Recorded]:
    """Return what the record says of each case."""
    with RECORD.open(encoding="utf-8", newline="") as file:
        return {
            row["case"]: Recorded(_axes(row["data dimensions"]), _axes(row["streaming axes"]))
            for row in csv.DictReader(file)
        }


def _axes(text: str) -> tuple[int, ...]:
    return tuple(FREE if word == "free" else int(word) for word in text.split())


def listed(values: Any) -> list[Any]:
    """One output, or several, as a list."""
    if isinstance(values, tuple | list):
        return [item for value in values for item in listed(value)]
    return [values]


@functools.cache
def nnir_of(case: Any, layout: int = FREE, precise: bool = False) -> tuple[Any, Any, Any]:
    """Return a case's model as NNIR, PyTorch's output and the input.

    Args:
        case: A case of the operator table.
        layout: The axis of the input that is made its data dimension; FREE to let the compiler
            choose.
        precise: Whether everything is within Fp32Activations, and inputs and outputs float32.
    """
    import torch

    import vollo_torch
    from vollo_compiler import NumberFormat

    class Surrounded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = with_weights(case.make())
            self.register_buffer("identity", torch.eye(case.shape[layout]))

        def forward(self, x: torch.Tensor) -> Any:
            if layout != FREE:
                x = (x.transpose(layout, -1) @ self.identity).transpose(layout, -1).contiguous()
            if not precise:
                return self.model(x)
            with vollo_torch.Fp32Activations():
                return self.model(x)

    torch.manual_seed(len(case.name))
    x = torch.randn(case.shape)
    x[0, 0] = 0.30078125
    x = x.bfloat16().float()
    if layout >= len(case.shape):
        layout = FREE
    prepared, expected = vollo_torch.fx.prepare_shape(Surrounded().eval(), x)
    precision = NumberFormat.FP32 if precise else NumberFormat.BF16
    nnir = vollo_torch.fx.nnir.to_nnir(prepared, precision, precision)
    return nnir, expected, x.numpy()


def with_weights(module: Any) -> Any:
    """Give a module parameters and statistics that BF16 holds and that no new module has."""
    import torch

    torch.manual_seed(5)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.is_floating_point() and not name.endswith("scale"):
            low = 0.25 if "var" in name else -0.75
            if not torch.isinf(tensor).any():
                torch.nn.init.uniform_(tensor, low, 1.0)
        if tensor.is_floating_point():
            tensor.data = tensor.data.bfloat16().float()
    return module.eval()


def compiled(case: Any, nnir: Any, board: Any) -> Any:
    """Return the program, or why there is none."""
    try:
        return nnir.to_program(board, **case.options)
    except ValueError as refusal:
        return str(refusal)


def streamed(case: Any, nnir: Any, axis: int, board: Any) -> Any:
    """Return the streaming program and its output axes, or why there is none."""
    try:
        steps, output_axes = nnir.streaming_transform(axis)
        return steps.to_program(board, **case.options), output_axes
    except ValueError as refusal:
        return str(refusal)


def markdown() -> str:
    """Return the README's table."""
    from operators import GROUPS

    lines = ["| group | members | float32 |", "|---|---|---|"]
    for group in GROUPS:
        members = ", ".join(f"`{m}`" if " " not in m else m for m in group.members)
        lines.append(f"| {group.name} | {members} | {_float32(group)} |".replace("`|`", "`\\|`"))
    return "\n".join(lines) + "\n"


def _float32(group: Any) -> str:
    if group.float32 is None:
        return "-"
    word = "yes" if group.float32 else "no"
    if not group.exceptions:
        return word
    names = ", ".join(f"`{name}`" if " " not in name else name for name in group.exceptions)
    return f"{word}, but not {names}" if group.float32 else f"only {names}"


def _write() -> None:
    from operators import CASES
    from vollo_compiler import Config

    board = Config.ip_core(2, 8)
    with RECORD.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "data dimensions", "streaming axes"])
        for case in CASES.values():
            layouts = []
            for layout in LAYOUTS:
                nnir = nnir_of(case, layout)[0]
                if not isinstance(compiled(case, nnir, board), str):
                    layouts.append("free" if layout == FREE else str(layout))
            nnir = nnir_of(case)[0]
            axes = range(len(case.shape))
            streams = [a for a in axes if not isinstance(streamed(case, nnir, a, board), str)]
            writer.writerow([case.name, " ".join(layouts), " ".join(map(str, streams))])
    text = README.read_text(encoding="utf-8")
    start = text.index("| group | members |")
    end = text.index("\n\n", start) + 1
    README.write_text(text[:start] + markdown() + text[end:], encoding="utf-8")


def _main() -> int:
    if "--here" not in sys.argv:
        bootstrap.check_tools()
        bootstrap.build_jar(bootstrap.ROOT)
        python = bootstrap.locked_python()
        os.execve(python, [python, __file__, "--here"], bootstrap.run_environment())
    _write()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
