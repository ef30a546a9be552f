"""Conversions between number formats: Java, the second implementation, ml_dtypes and PyTorch."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import build_jar
import ml_dtypes
import numpy as np
import pytest
import torch
from torch import nn

import bootstrap
import oracle
import vollo_torch
from vollo_compiler import Config

SEED = 8
RANDOM_PATTERNS = 200_000
CANONICAL_NAN = 0x7FC00000
LARGEST_FP8 = 448
# The tie between the largest FP8 value and what would come next.
OVERFLOW_FP8 = 464


def ladder(dtype, bits):
    """Return the finite values of a format from zero up, as float64."""
    codes = np.arange(1 << (bits - 1), dtype=f"uint{bits}")
    with np.errstate(invalid="ignore"):
        values = codes.view(dtype).astype(np.float64)
    return values[np.isfinite(values)]


def near_ties(values):
    """Return the middle between neighbours and the float32 values right below and above it."""
    middle = ((values[:-1] + values[1:]) / 2).astype(np.float32)
    return [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))]


def patterns():
    """Return float32 values: every BF16, specials, near-ties of both formats, random bits."""
    every_bf16 = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    specials = np.array(
        [0, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF],
        dtype=np.uint32,
    )
    random = np.random.default_rng(SEED)
    any_bits = random.integers(0, 1 << 32, RANDOM_PATTERNS, dtype=np.uint32).view(np.float32)
    fp8_range = np.ldexp(
        random.uniform(1, 2, RANDOM_PATTERNS), random.integers(-12, 11, RANDOM_PATTERNS)
    )
    positive = [
        specials.view(np.float32),
        *near_ties(ladder(ml_dtypes.bfloat16, 16)),
        *near_ties(ladder(ml_dtypes.float8_e4m3fn, 8)),
        np.float32(
            [449, OVERFLOW_FP8, np.nextafter(np.float32(OVERFLOW_FP8), np.float32(500)), 480]
        ),
        fp8_range.astype(np.float32),
    ]
    return np.concatenate([every_bf16, any_bits, *positive, *(-values for values in positive)])


@dataclass(frozen=True)
class Converted:
    """Values after each conversion; BF16 as float32 bits, FP8 as its own."""

    bf16: np.ndarray
    bf16_truncated: np.ndarray
    fp8: np.ndarray
    fp8_values: np.ndarray


VALUES = patterns()
IS_NAN = np.isnan(VALUES)


@pytest.fixture(scope="module")
def java():
    """Return what the classes in the jar make of the values."""
    java = build_jar.find_jdk() / "bin" / "java"
    source = Path(__file__).with_name("java") / "Conversions.java"
    output = subprocess.run(
        [java, "-cp", bootstrap.jar_of(bootstrap.ROOT), source],
        input=VALUES.astype(">f4").tobytes(),
        capture_output=True,
        check=True,
    ).stdout
    fields = np.dtype([("bf16", ">u4"), ("truncated", ">u4"), ("fp8", "u1")])
    rows = np.frombuffer(output, fields, count=len(VALUES))
    fp8_values = np.frombuffer(output, ">u4", offset=rows.nbytes)
    return Converted(rows["bf16"], rows["truncated"], rows["fp8"], fp8_values)


@pytest.fixture(scope="module")
def second():
    """Return what the second implementation makes of the values."""
    return Converted(
        oracle.to_bf16(VALUES).view(np.uint32),
        oracle.truncate(VALUES).view(np.uint32),
        oracle.to_fp8(VALUES),
        oracle.from_fp8(np.arange(256, dtype=np.uint8)).view(np.uint32),
    )


@pytest.fixture(params=["java", "second"])
def converted(request):
    return request.getfixturevalue(request.param)


def bf16_bits(values):
    """Return float32 bits of BF16 values in ml_dtypes, every NaN as the canonical one."""
    return np.where(np.isnan(values), CANONICAL_NAN, values.astype(np.float32).view(np.uint32))


def test_bf16_rounds_as_ml_dtypes_and_pytorch_do(converted):
    with np.errstate(all="ignore"):
        rounded = VALUES.astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(converted.bf16, bf16_bits(rounded))
    of_pytorch = torch.from_numpy(VALUES).bfloat16().float().numpy().view(np.uint32)
    np.testing.assert_array_equal(converted.bf16[~IS_NAN], of_pytorch[~IS_NAN])


def test_bf16_truncates_to_the_upper_half(converted):
    upper = (VALUES.view(np.uint32) >> 16).astype(np.uint16).view(ml_dtypes.bfloat16)
    expected = np.where(IS_NAN, CANONICAL_NAN, upper.astype(np.float32).view(np.uint32))
    np.testing.assert_array_equal(converted.bf16_truncated, expected)


def test_fp8_rounds_as_ml_dtypes_does_up_to_its_overflow(converted):
    with np.errstate(all="ignore"):
        expected = VALUES.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)
    within = np.abs(VALUES) <= OVERFLOW_FP8
    np.testing.assert_array_equal(converted.fp8[within], expected[within])
    assert within.sum() > RANDOM_PATTERNS


def test_fp8_saturates_as_pytorch_does(converted):
    expected = torch.from_numpy(VALUES).to(torch.float8_e4m3fn).view(torch.uint8).numpy()
    np.testing.assert_array_equal(converted.fp8[~IS_NAN], expected[~IS_NAN])
    beyond = np.abs(VALUES) > LARGEST_FP8
    np.testing.assert_array_equal(converted.fp8[beyond] & 0x7F, 0x7E)


def test_fp8_has_one_nan(converted):
    np.testing.assert_array_equal(converted.fp8[IS_NAN], 0x7F)


def test_fp8_values_are_those_of_ml_dtypes_and_pytorch(converted):
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(
        converted.fp8_values, bf16_bits(codes.view(ml_dtypes.float8_e4m3fn))
    )
    of_pytorch = torch.from_numpy(codes).view(torch.float8_e4m3fn).float().numpy()
    finite = codes & 0x7F != 0x7F
    np.testing.assert_array_equal(converted.fp8_values[finite], of_pytorch.view(np.uint32)[finite])


def test_every_fp8_value_is_a_bf16_value(converted):
    np.testing.assert_array_equal(converted.fp8_values & 0xFFFF, 0)


@pytest.mark.parametrize("f32_round", [True, False])
def test_inputs_of_the_machine_are_converted_alike(second, f32_round):
    prepared, _ = vollo_torch.fx.prepare_shape(nn.Identity(), torch.zeros(VALUES.shape))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    outputs = nnir.to_program(Config.ip_core(1, 1024)).to_vm().run(VALUES, f32_round=f32_round)
    expected = second.bf16 if f32_round else second.bf16_truncated
    np.testing.assert_array_equal(outputs.view(np.uint32), expected)
