"""The command ``vollo-onnx``: from an ONNX model to a program file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nnir_bridge._errors import AllocationError, GatewayError, LoadError, SaveError
from vollo_compiler._config import Config
from vollo_compiler._nnir import NNIR

__all__ = ["main"]

_PRESETS = {
    "ia420f-c6b32": Config.bittware_ia420f_c6b32,
    "ia840f-c3b64": Config.bittware_ia840f_c3b64,
    "ia840f-c2b64d": Config.bittware_ia840f_c2b64d,
    "v80-c6b32": Config.amd_v80_c6b32,
}

_SEVERAL = ("--streaming-transform", "--override-input-shapes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Its arguments; those of the process when None.

    Returns:
        0, or 1 when the model could not be compiled, with the reason on standard error, or 130 when
        it was interrupted.
    """
    given = _parser().parse_args(_separated(sys.argv[1:] if arguments is None else arguments))
    try:
        _compile(given)
    except (AllocationError, GatewayError, LoadError, SaveError, OSError, ValueError) as error:
        print(f"vollo-onnx: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vollo-onnx: interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


def _separated(arguments: Sequence[str]) -> list[str]:
    """Put a model that follows the values of an option that takes several before all options."""
    option = ""
    for place, argument in enumerate(arguments):
        is_model = argument.endswith(".onnx") and arguments[place - 1] != "-o"
        if is_model and option in _SEVERAL:
            return [argument, *arguments[:place], *arguments[place + 1 :]]
        option = argument if argument.startswith("--") else option
    return list(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vollo-onnx", description="Compile an ONNX model into a program."
    )
    parser.add_argument("input", metavar="INPUT.onnx", help="the model")
    parser.add_argument(
        "-o", "--output", default="program.vollo", help="the program file [%(default)s]"
    )
    parser.add_argument("--model-name", help="the model's name in the program")
    board = parser.add_mutually_exclusive_group()
    board.add_argument("--hw-config", metavar="JSON", help="a file that Config.save wrote")
    board.add_argument("--hw-config-preset", choices=list(_PRESETS), help="the board")
    parser.add_argument(
        "--streaming-transform",
        metavar="AXIS",
        type=int,
        nargs="+",
        help="the time axis of each input; the program then takes one step of time",
    )
    parser.add_argument(
        "--override-input-shapes",
        metavar="SHAPE",
        type=_shape,
        nargs="+",
        help="a shape for each input in place of the model's, such as 10,100,250 20,40",
    )
    parser.add_argument(
        "--io-only", action="store_true", help="only take inputs and give outputs, compute nothing"
    )
    parser.add_argument(
        "--disable-optimizations", action="store_true", help="as optimize_transforms=False"
    )
    return parser


def _shape(text: str) -> list[int]:
    try:
        return [int(extent) for extent in text.split(",")]
    except ValueError:
        message = f"{text!r} is not a shape; give integers with commas between, such as 10,100"
        raise argparse.ArgumentTypeError(message) from None


def _compile(given: argparse.Namespace) -> None:
    if given.hw_config is None and given.hw_config_preset is None:
        raise ValueError(
            "a board is needed: give --hw-config JSON or --hw-config-preset "
            + "{"
            + ",".join(_PRESETS)
            + "}"
        )
    config = (
        _PRESETS[given.hw_config_preset]()
        if given.hw_config is None
        else Config.load(given.hw_config)
    )
    nnir = NNIR.from_onnx(given.input, given.override_input_shapes)
    if given.streaming_transform is not None:
        nnir, _ = nnir.streaming_transform(given.streaming_transform)
    program = nnir.to_program(
        config, given.model_name, optimize_transforms=not given.disable_optimizations
    )
    if given.io_only:
        program = program.transform_to_io_only_test()
    program.save(given.output)


if __name__ == "__main__":
    sys.exit(main())
