package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The roundings and functions of numerics.md on all lanes at once. */
final class Loops {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final int LANES = FLOATS.length();

  private static final float LOG2_E = 0x1.715476p0f;
  private static final float LN2_HIGH = 0x1.62e4p-1f;
  private static final float LN2_LOW = 0x1.7f7d1cp-20f;
  private static final float LARGEST_EXP_ARGUMENT = 89f;
  private static final float SMALLEST_EXP_ARGUMENT = -104f;
  private static final float SERIES_LIMIT = 0x1.62e43p-3f;

  /** From here on, 2 / (exp + 1) is so small that 1 less it is 1; and no power of two overflows. */
  private static final float LARGE_TANH_ARGUMENT = 40f;

  /**
   * Adding this rounds a small float32 to an integer, ties to even, which its low bits then hold.
   */
  private static final float ROUNDER = 0x1.8p23f;

  private static final int ROUNDER_BITS = 0x4B400000;

  private static final FloatVector ONE = FloatVector.broadcast(FLOATS, 1f);
  private static final FloatVector TWO = FloatVector.broadcast(FLOATS, 2f);
  private static final FloatVector CANONICAL_NAN =
      FloatVector.broadcast(FLOATS, Float.intBitsToFloat(0x7FC00000));

  private Loops() {}

  static FloatVector load(float[] values, int offset) {
    return FloatVector.fromArray(FLOATS, values, offset);
  }

  private static FloatVector broadcast(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  private static FloatVector canonical(FloatVector x) {
    return x.blend(CANONICAL_NAN, x.test(VectorOperators.IS_NAN));
  }

  /** Rounds to BF16. */
  static final Loop ROUND =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          FloatVector x = load(a, i + n);
          IntVector bits = x.reinterpretAsInts();
          IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
          FloatVector y = bits.add(0x7FFF).add(odd).and(0xFFFF0000).reinterpretAsFloats();
          y.blend(CANONICAL_NAN, x.test(VectorOperators.IS_NAN)).intoArray(to, target + n);
        }
      };

  /** Truncates to BF16. */
  static final Loop TRUNCATE =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          FloatVector x = load(a, i + n);
          FloatVector y = x.reinterpretAsInts().and(0xFFFF0000).reinterpretAsFloats();
          y.blend(CANONICAL_NAN, x.test(VectorOperators.IS_NAN)).intoArray(to, target + n);
        }
      };

  /** Every NaN the canonical one. */
  static final Loop CANONICAL =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          canonical(load(a, i + n)).intoArray(to, target + n);
        }
      };

  /** Clamps between two bounds, {@code b[j]} and {@code c[k]}. */
  static final Loop BOUND =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          canonical(load(a, i + n).max(b[j]).min(c[k])).intoArray(to, target + n);
        }
      };

  static final Loop ADD =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).add(load(b, j + n)).intoArray(to, target + n);
        }
      };

  /** The sum, every NaN of it the canonical one. */
  static final Loop CANONICAL_ADD =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          canonical(load(a, i + n).add(load(b, j + n))).intoArray(to, target + n);
        }
      };

  static final Loop SUBTRACT =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).sub(load(b, j + n)).intoArray(to, target + n);
        }
      };

  static final Loop MULTIPLY =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).mul(load(b, j + n)).intoArray(to, target + n);
        }
      };

  static final Loop DIVIDE =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).div(load(b, j + n)).intoArray(to, target + n);
        }
      };

  static final Loop MAXIMUM =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).max(load(b, j + n)).intoArray(to, target + n);
        }
      };

  static final Loop MINIMUM =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).min(load(b, j + n)).intoArray(to, target + n);
        }
      };

  /** 1 where {@code a > b}, else 0. */
  static final Loop GREATER =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          var greater = load(a, i + n).compare(VectorOperators.GT, load(b, j + n));
          broadcast(0f).blend(1f, greater).intoArray(to, target + n);
        }
      };

  /** 1 where {@code a >= b}, else 0. */
  static final Loop GREATER_OR_EQUAL =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          var greater = load(a, i + n).compare(VectorOperators.GE, load(b, j + n));
          broadcast(0f).blend(1f, greater).intoArray(to, target + n);
        }
      };

  /** {@code a * b + c}, rounded once. */
  static final Loop MULTIPLY_ADD =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).fma(load(b, j + n), load(c, k + n)).intoArray(to, target + n);
        }
      };

  /** {@code b} where {@code a} is not zero, else {@code c}. */
  static final Loop SELECT =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          var zero = load(a, i + n).compare(VectorOperators.EQ, 0f);
          load(b, j + n).blend(load(c, k + n), zero).intoArray(to, target + n);
        }
      };

  static final Loop COPY =
      (a, i, b, j, c, k, to, target, count) -> System.arraycopy(a, i, to, target, count);

  static final Loop NEGATIVE =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).neg().intoArray(to, target + n);
        }
      };

  static final Loop MAGNITUDE =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).abs().intoArray(to, target + n);
        }
      };

  static final Loop SQUARE_ROOT =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          load(a, i + n).sqrt().intoArray(to, target + n);
        }
      };

  /** 1 / b. */
  static final Loop RECIPROCAL_OF_B =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          ONE.div(load(b, j + n)).intoArray(to, target + n);
        }
      };

  /** exp(b). */
  static final Loop EXP_OF_B =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          FloatVector x = load(b, j + n);
          exp(x)
              .blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, LARGEST_EXP_ARGUMENT))
              .intoArray(to, target + n);
        }
      };

  /** The logistic function of a. */
  static final Loop SIGMOID =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          FloatVector x = load(a, i + n);
          FloatVector e = exp(x.abs().neg());
          FloatVector numerator = ONE.blend(e, x.compare(VectorOperators.LT, 0f));
          numerator.div(e.add(1f)).intoArray(to, target + n);
        }
      };

  /** The exponential of what does not overflow. */
  private static FloatVector exp(FloatVector x) {
    FloatVector shifted = shifted(x);
    FloatVector p = expMinusOne(remainder(x, shifted)).add(1f);
    IntVector exponent = exponent(shifted);
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    FloatVector y = p.mul(powerOfTwo(half)).mul(powerOfTwo(exponent.sub(half)));
    return y.blend(0f, x.compare(VectorOperators.LT, SMALLEST_EXP_ARGUMENT));
  }

  /** The hyperbolic tangent of a. */
  static final Loop TANH =
      (a, i, b, j, c, k, to, target, count) -> {
        for (int n = 0; n < count; n += LANES) {
          FloatVector x = load(a, i + n);
          FloatVector magnitude = x.abs();
          FloatVector twice = magnitude.add(magnitude);
          var isSmall = magnitude.compare(VectorOperators.LT, SERIES_LIMIT);
          var isLarge = twice.compare(VectorOperators.GT, LARGE_TANH_ARGUMENT);
          FloatVector bounded = twice.blend(LARGE_TANH_ARGUMENT, isLarge);
          FloatVector shifted = shifted(bounded);
          FloatVector e = expMinusOne(remainder(bounded, shifted).blend(twice, isSmall));
          FloatVector exp = e.add(ONE).mul(powerOfTwo(exponent(shifted)));
          FloatVector numerator = TWO.blend(e, isSmall);
          FloatVector quotient = numerator.div(exp.add(ONE).blend(e.add(TWO), isSmall));
          FloatVector y = ONE.sub(quotient).blend(quotient, isSmall);
          y.blend(y.neg(), x.compare(VectorOperators.LT, 0f))
              .blend(x, x.compare(VectorOperators.EQ, 0f))
              .intoArray(to, target + n);
        }
      };

  /** Of x / ln 2 the nearest integer, in the low bits. */
  private static FloatVector shifted(FloatVector x) {
    return x.mul(LOG2_E).add(ROUNDER);
  }

  private static IntVector exponent(FloatVector shifted) {
    return shifted.reinterpretAsInts().sub(ROUNDER_BITS);
  }

  private static FloatVector remainder(FloatVector x, FloatVector shifted) {
    FloatVector minusN = broadcast(ROUNDER).sub(shifted);
    FloatVector r = minusN.fma(broadcast(LN2_HIGH), x);
    return minusN.fma(broadcast(LN2_LOW), r);
  }

  /** The series of the exponential minus one of what is small. */
  private static FloatVector expMinusOne(FloatVector r) {
    FloatVector q = broadcast(1f / 5040f);
    q = q.fma(r, broadcast(1f / 720f));
    q = q.fma(r, broadcast(1f / 120f));
    q = q.fma(r, broadcast(1f / 24f));
    q = q.fma(r, broadcast(1f / 6f));
    q = q.fma(r, broadcast(0.5f));
    return q.fma(r.mul(r), r);
  }

  private static FloatVector powerOfTwo(IntVector exponent) {
    return exponent.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }
}
