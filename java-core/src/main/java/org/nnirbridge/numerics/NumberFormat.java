package org.nnirbridge.numerics;

/** The formats a run-time value may have: BF16 (the default) or IEEE float32. */
public enum NumberFormat {
  BF16,
  FP32;

  /** Rounds a float32 value to this format, nearest even; NaN becomes the canonical NaN. */
  public float round(float value) {
    return switch (this) {
      case BF16 -> Bf16.round(value);
      case FP32 -> Bf16.canonical(value);
    };
  }

  /** The size of one value in a store or in a host buffer, in bytes. */
  public int bytes() {
    return switch (this) {
      case BF16 -> 2;
      case FP32 -> 4;
    };
  }
}
