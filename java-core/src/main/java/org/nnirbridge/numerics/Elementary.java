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
  private static final float LARGEST_EXP2_ARGUMENT = 129f;
  private static final float SMALLEST_EXP2_ARGUMENT = -151f;
  private static final float LN2 = 0x1.62e43p-1f;
  private static final float LOG10_E = 0x1.bcb7b2p-2f;
  private static final float LOG10_2_HIGH = 0x1.344p-2f;
  private static final float LOG10_2_LOW = 0x1.3509f8p-18f;
  private static final int SQRT_HALF_BITS = 0x3F3504F3;
  private static final float GELU_LINEAR = 0x1.988454p0f;
  private static final float GELU_CUBIC = 0x1.2444f2p-4f;

  /** Where the lower tail of the normal distribution is zero in float32. */
  private static final float LARGEST_TAIL_ARGUMENT = 15f;

  /** (1 + a / 2) exp(a^2 / 2) times the tail above a, in powers of (a - 4) / (a + 4). */
  private static final float[] TAIL = {
    0x1.22078cp-2f,
    -0x1.1182fap-3f,
    0x1.1b6660p-4f,
    -0x1.612228p-6f,
    -0x1.5d4d44p-11f,
    0x1.357decp-8f,
    -0x1.26d374p-9f,
    0x1.6b9920p-13f,
    0x1.0faa1cp-12f,
    -0x1.f47bd2p-15f,
    -0x1.134b2ap-15f
  };

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
    return scaled(1f + expMinusOneSeries(r), n);
  }

  static float exp2(float x) {
    if (Float.isNaN(x)) {
      return x;
    }
    if (x > LARGEST_EXP2_ARGUMENT) {
      return Float.POSITIVE_INFINITY;
    }
    if (x < SMALLEST_EXP2_ARGUMENT) {
      return 0f;
    }
    int n = (int) Math.rint(x);
    return scaled(1f + expMinusOneSeries((x - n) * LN2), n);
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

  static float elu(float x) {
    if (x > 0f) {
      return x;
    }
    return x >= -2f * SERIES_LIMIT ? expMinusOneSeries(x) : exp(x) - 1f;
  }

  static float softplus(float x) {
    if (Float.isNaN(x)) {
      return x;
    }
    return Math.max(x, 0f) + logOfOnePlus(exp(-Math.abs(x)));
  }

  static float log(float x) {
    return logarithm(x, 1f, LN2_HIGH, LN2_LOW);
  }

  static float log2(float x) {
    return logarithm(x, LOG2_E, 1f, 0f);
  }

  static float log10(float x) {
    return logarithm(x, LOG10_E, LOG10_2_HIGH, LOG10_2_LOW);
  }

  /** {@code scale * log(x)}, where {@code scale * log(2)} is given in two parts. */
  private static float logarithm(float x, float scale, float high, float low) {
    if (x == 0f) {
      return Float.NEGATIVE_INFINITY;
    }
    if (!(x > 0f && x < Float.POSITIVE_INFINITY)) {
      return x > 0f ? x : Float.NaN;
    }
    int n = exponent(x);
    float f = logOfOnePlus(Math.scalb(x, -n) - 1f);
    return Math.fma(n, high, Math.fma(n, low, f * scale));
  }

  static float gelu(float x) {
    float a = Math.min(Math.abs(x), LARGEST_TAIL_ARGUMENT);
    float square = a * a;
    float rest = Math.fma(a, a, -square);
    float e = exp(-0.5f * square);
    e = Math.fma(-0.5f * rest, e, e);
    float t = (a - 4f) / (a + 4f);
    float q = TAIL[TAIL.length - 1];
    for (int i = TAIL.length - 2; i >= 0; i--) {
      q = Math.fma(q, t, TAIL[i]);
    }
    float tail = q / Math.fma(0.5f, a, 1f) * e;
    return x * (x < 0f ? tail : 1f - tail);
  }

  static float geluTanh(float x) {
    return x * sigmoid(x * Math.fma(GELU_CUBIC, x * x, GELU_LINEAR));
  }

  static float hardswish(float x) {
    return x * (Math.min(Math.max(x + 3f, 0f), 6f) / 6f);
  }

  /** The n for which {@code x / 2^n} lies from sqrt(1/2) up to sqrt(2). */
  private static int exponent(float x) {
    boolean subnormal = x < Float.MIN_NORMAL;
    int bits = Float.floatToRawIntBits(subnormal ? x * 0x1p24f : x) - SQRT_HALF_BITS;
    return (bits >> 23) - (subnormal ? 24 : 0);
  }

  /** log(1 + f) for f from sqrt(1/2) - 1 up to 1, by the series of the inverse tanh. */
  private static float logOfOnePlus(float f) {
    float s = f / (2f + f);
    float z = s * s;
    float q = 2f / 15f;
    q = Math.fma(q, z, 2f / 13f);
    q = Math.fma(q, z, 2f / 11f);
    q = Math.fma(q, z, 2f / 9f);
    q = Math.fma(q, z, 2f / 7f);
    q = Math.fma(q, z, 2f / 5f);
    q = Math.fma(q, z, 2f / 3f);
    return Math.fma(-s, f - z * q, f);
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

  /** {@code p * 2^n} in two steps, since 2^n alone may be out of range. */
  private static float scaled(float p, int n) {
    int half = n >> 1;
    return p * powerOfTwo(half) * powerOfTwo(n - half);
  }

  private static float powerOfTwo(int exponent) {
    return Float.intBitsToFloat((exponent + 127) << 23);
  }
}
