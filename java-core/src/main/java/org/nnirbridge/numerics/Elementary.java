package org.nnirbridge.numerics;

/**
 * The elementary functions of the machine in float32, as fixed sequences of IEEE operations
 * (numerics.md §5).
 *
 * <p>No library function is called whose bits may differ between JVMs.
 */
final class Elementary {
  private static final float LOG2_E = 0x1.715476p0f;
  private static final float LN2_HIGH = 0x1.62e4p-1f;
  private static final float LN2_LOW = 0x1.7f7d1cp-20f;
  private static final float LARGEST_EXP_ARGUMENT = 89f;
  private static final float SMALLEST_EXP_ARGUMENT = -104f;
  private static final float SERIES_LIMIT = 0x1.62e43p-3f;

  private Elementary() {}

  static float exp(float x) {
    if (Float.isNaN(x)) {
      return x;
    }
    if (x > LARGEST_EXP_ARGUMENT) {
      return Float.POSITIVE_INFINITY;
    }
    if (x < SMALLEST_EXP_ARGUMENT) {
      return 0f;
    }
    int n = (int) Math.rint(x * LOG2_E);
    float r = Math.fma(-n, LN2_HIGH, x);
    r = Math.fma(-n, LN2_LOW, r);
    float p = 1f + expMinusOneSeries(r);
    int half = n >> 1;
    return p * powerOfTwo(half) * powerOfTwo(n - half);
  }

  static float sigmoid(float x) {
    if (x < 0f) {
      float e = exp(x);
      return e / (1f + e);
    }
    return 1f / (1f + exp(-x));
  }

  static float tanh(float x) {
    float magnitude = Math.abs(x);
    float result;
    if (magnitude < SERIES_LIMIT) {
      float e = expMinusOneSeries(2f * magnitude);
      result = e / (e + 2f);
    } else {
      result = 1f - 2f / (exp(2f * magnitude) + 1f);
    }
    return Math.copySign(result, x);
  }

  /** exp(r) - 1 for |r| <= ln(2)/2, by its series to the seventh power in Horner form. */
  private static float expMinusOneSeries(float r) {
    float q = 1f / 5040f;
    q = Math.fma(q, r, 1f / 720f);
    q = Math.fma(q, r, 1f / 120f);
    q = Math.fma(q, r, 1f / 24f);
    q = Math.fma(q, r, 1f / 6f);
    q = Math.fma(q, r, 0.5f);
    return Math.fma(q, r * r, r);
  }

  private static float powerOfTwo(int exponent) {
    return Float.intBitsToFloat((exponent + 127) << 23);
  }
}
