package org.nnirbridge.numerics;

/**
 * Conversions between float32 and FP8 E4M3, the format of the Open Compute Project without
 * infinities, held as its bits (numerics.md §1).
 */
public final class Fp8E4M3 {
  private static final int NAN = 0x7F;
  private static final int LARGEST = 0x7E;
  private static final int SIGN = 0x80;
  private static final int FRACTION_SHIFT = 23 - 3;
  private static final int BIAS_DIFFERENCE = (127 - 7) << 23;
  private static final float SMALLEST_NORMAL = 0x1p-6f;
  private static final float STEPS_BELOW_NORMAL = 0x1p9f;

  private Fp8E4M3() {}

  /**
   * The bits of the value nearest to {@code value}, ties to even. What lies beyond the largest
   * finite value, 448, infinities included, becomes that value; every NaN becomes 0x7F.
   */
  public static byte encode(float value) {
    if (Float.isNaN(value)) {
      return NAN;
    }
    float magnitude = Math.abs(value);
    int code;
    if (magnitude < SMALLEST_NORMAL) {
      code = (int) Math.rint(magnitude * STEPS_BELOW_NORMAL);
    } else {
      int bits = Float.floatToRawIntBits(magnitude) - BIAS_DIFFERENCE;
      int halfLessTie = (1 << (FRACTION_SHIFT - 1)) - 1;
      code = (bits + halfLessTie + (bits >>> FRACTION_SHIFT & 1)) >>> FRACTION_SHIFT;
    }
    int sign = Float.floatToRawIntBits(value) >>> 24 & SIGN;
    return (byte) (sign | Math.min(code, LARGEST));
  }

  /** The nearest FP8 values, as float32. */
  public static float[] rounded(float[] values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = decode(encode(values[i]));
    }
    return rounded;
  }

  /** The float32 with the value that these bits have, exactly; the canonical NaN for both NaNs. */
  public static float decode(byte bits) {
    int code = bits & 0x7F;
    if (code == NAN) {
      return Bf16.canonical(Float.NaN);
    }
    float magnitude = Float.intBitsToFloat((code << FRACTION_SHIFT) + BIAS_DIFFERENCE);
    if (magnitude < SMALLEST_NORMAL) {
      magnitude = code / STEPS_BELOW_NORMAL;
    }
    return (bits & SIGN) == 0 ? magnitude : -magnitude;
  }
}
