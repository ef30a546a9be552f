package org.nnirbridge.numerics;

/**
 * Conversions between float32 and BF16, which is held as the float32 with the same value
 * (numerics.md §1).
 */
public final class Bf16 {
  private static final int CANONICAL_NAN = 0x7FC00000;

  private Bf16() {}

  /** The BF16 value nearest to {@code value}, ties to even; overflow gives an infinity. */
  public static float round(float value) {
    if (Float.isNaN(value)) {
      return Float.intBitsToFloat(CANONICAL_NAN);
    }
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7FFF + ((bits >>> 16) & 1);
    return Float.intBitsToFloat(rounded & 0xFFFF0000);
  }

  /** The BF16 value next to {@code value} towards zero (the low half of its bits dropped). */
  public static float truncate(float value) {
    if (Float.isNaN(value)) {
      return Float.intBitsToFloat(CANONICAL_NAN);
    }
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xFFFF0000);
  }

  /** {@code value} itself, every NaN as the one canonical NaN. */
  public static float canonical(float value) {
    return Float.isNaN(value) ? Float.intBitsToFloat(CANONICAL_NAN) : value;
  }
}
