"""The runtime interface, over the virtual machine: contexts that run jobs of a loaded program."""

from vollo_compiler import NumberFormat
from vollo_rt._context import VolloRTContext

__all__ = ["VolloRTContext", "number_format_bf16", "number_format_fp32"]

number_format_bf16 = NumberFormat.BF16
"""Outputs in bfloat16."""

number_format_fp32 = NumberFormat.FP32
"""Outputs in float32."""
