"""Compiles NNIR into programs for FPGA-style machines and runs them on a virtual machine."""

from nnir_bridge._errors import AllocationError, GatewayError, LoadError, SaveError
from vollo_compiler._builder import ProgramBuilder
from vollo_compiler._config import Config
from vollo_compiler._explanation import Explanation
from vollo_compiler._metrics import Metrics
from vollo_compiler._nnir import NNIR, NNIRNode
from vollo_compiler._number_format import NumberFormat
from vollo_compiler._program import Program
from vollo_compiler._sweep import Sweep, SweepRow, sweep
from vollo_compiler._vm import VM

__all__ = [
    "NNIR",
    "VM",
    "AllocationError",
    "Config",
    "Explanation",
    "GatewayError",
    "LoadError",
    "Metrics",
    "NNIRNode",
    "NumberFormat",
    "Program",
    "ProgramBuilder",
    "SaveError",
    "Sweep",
    "SweepRow",
    "sweep",
]
