package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementary functions and roundings of numerics.md §1 and §5 on all lanes at once.
 *
 * <p>The functions on arrays are loops of their own: only then does the JIT compiler keep every
 * vector in a register.
 */
final class VectorFunctions {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

  private static final int LANES = FLOATS.length();
  private static final float LOG2_E = 0x1.715476p0f;
  private static final float LN2_HIGH = 0x1.62e4p-1f;
  private static final float LN2_LOW = 0x1.7f7d1cp-20f;
  private static final float LARGEST_EXP_ARGUMENT = 89f;
  private static final float SMALLEST_EXP_ARGUMENT = -104f;
  private static final float SERIES_LIMIT = 0x1.62e43p-3f;

  /**
   * Adding this rounds a small float32 to an integer, ties to even, which its low bits then hold.
   */
  private static final float ROUNDER = 0x1.8p23f;

  private static final int ROUNDER_BITS = 0x4B400000;

  private static final FloatVector ONE = FloatVector.broadcast(FLOATS, 1f);
  private static final FloatVector CANONICAL_NAN =
      FloatVector.broadcast(FLOATS, Float.intBitsToFloat(0x7FC00000));

  private VectorFunctions() {}

  private static FloatVector load(float[] values, int offset) {
    return FloatVector.fromArray(FLOATS, values, offset);
  }

  /** Rounds to BF16. */
  static void round(float[] from, int source, float[] to, int target, int count) {
    for (int j = 0; j < count; j += LANES) {
      roundToBf16(load(from, source + j)).intoArray(to, target + j);
    }
  }

  static void truncate(float[] from, int source, float[] to, int target, int count) {
    for (int j = 0; j < count; j += LANES) {
      FloatVector x = load(from, source + j);
      FloatVector truncated = x.reinterpretAsInts().and(0xFFFF0000).reinterpretAsFloats();
      truncated.blend(CANONICAL_NAN, x.test(VectorOperators.IS_NAN)).intoArray(to, target + j);
    }
  }

  static void canonical(float[] from, int source, float[] to, int target, int count) {
    for (int j = 0; j < count; j += LANES) {
      canonical(load(from, source + j)).intoArray(to, target + j);
    }
  }

  static void bound(
      float[] from, int source, float[] to, int target, int count, float low, float high) {
    for (int j = 0; j < count; j += LANES) {
      canonical(load(from, source + j).max(low).min(high)).intoArray(to, target + j);
    }
  }

  static void multiply(float[] a, int source, float[] b, float[] to, int target, int count) {
    for (int j = 0; j < count; j += LANES) {
      load(a, source + j).mul(load(b, j)).intoArray(to, target + j);
    }
  }

  /** {@code a * b + c}, canonical. */
  static void multiplyAdd(
      float[] a, float[] b, int source, float[] c, float[] to, int target, int count) {
    for (int j = 0; j < count; j += LANES) {
      FloatVector sum = load(a, j).fma(load(b, source + j), load(c, j));
      canonical(sum).intoArray(to, target + j);
    }
  }

  private static FloatVector roundToBf16(FloatVector x) {
    IntVector bits = x.reinterpretAsInts();
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    FloatVector rounded = bits.add(0x7FFF).add(odd).and(0xFFFF0000).reinterpretAsFloats();
    return rounded.blend(CANONICAL_NAN, x.test(VectorOperators.IS_NAN));
  }

  private static FloatVector canonical(FloatVector x) {
    return x.blend(CANONICAL_NAN, x.test(VectorOperators.IS_NAN));
  }

  /**
   * A loop over lanes that is a step of a function. The JIT compiler keeps vectors in registers
   * only in code that it inlines as a whole, so steps are small and called where it does not know
   * which comes next.
   */
  private interface Pass {
    void run(float[] from, int source, float[] to, int count);
  }

  private static final Pass[] EXP = {VectorFunctions::copy, VectorFunctions::expOfResult};
  private static final Pass[] SIGMOID = {
    VectorFunctions::minusMagnitude, VectorFunctions::expOfResult, VectorFunctions::sigmoidFromExp
  };
  private static final Pass[] TANH = {
    VectorFunctions::twiceMagnitude, VectorFunctions::expOfResult, VectorFunctions::tanhFromExp
  };

  private static void run(Pass[] passes, float[] from, int source, float[] to, int count) {
    for (Pass pass : passes) {
      pass.run(from, source, to, count);
    }
  }

  static void exp(float[] from, int source, float[] to, int count) {
    run(EXP, from, source, to, count);
  }

  static void sigmoid(float[] from, int source, float[] to, int count) {
    run(SIGMOID, from, source, to, count);
  }

  static void tanh(float[] from, int source, float[] to, int count) {
    run(TANH, from, source, to, count);
  }

  private static void copy(float[] from, int source, float[] to, int count) {
    System.arraycopy(from, source, to, 0, count);
  }

  private static void minusMagnitude(float[] from, int source, float[] to, int count) {
    for (int j = 0; j < count; j += LANES) {
      load(from, source + j).abs().neg().intoArray(to, j);
    }
  }

  private static void twiceMagnitude(float[] from, int source, float[] to, int count) {
    for (int j = 0; j < count; j += LANES) {
      load(from, source + j).abs().mul(2f).intoArray(to, j);
    }
  }

  /**
   * The exponential of what {@code to} holds. What lies outside of the series' range comes out
   * wrong and is replaced at the end.
   */
  private static void expOfResult(float[] from, int source, float[] to, int count) {
    for (int j = 0; j < count; j += LANES) {
      FloatVector x = load(to, j);
      FloatVector shifted = x.mul(LOG2_E).add(ROUNDER);
      FloatVector minusN = FloatVector.broadcast(FLOATS, ROUNDER).sub(shifted);
      FloatVector r = minusN.fma(FloatVector.broadcast(FLOATS, LN2_HIGH), x);
      r = minusN.fma(FloatVector.broadcast(FLOATS, LN2_LOW), r);
      FloatVector p = lowTerms(highTerms(r), r).add(1f);
      IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS);
      IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
      FloatVector y = p.mul(powerOfTwo(half)).mul(powerOfTwo(exponent.sub(half)));
      y = y.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, LARGEST_EXP_ARGUMENT));
      y.blend(0f, x.compare(VectorOperators.LT, SMALLEST_EXP_ARGUMENT)).intoArray(to, j);
    }
  }

  /** The logistic function where {@code to} holds the exponential of minus the magnitude. */
  private static void sigmoidFromExp(float[] from, int source, float[] to, int count) {
    for (int j = 0; j < count; j += LANES) {
      FloatVector e = load(to, j);
      FloatVector numerator = ONE.blend(e, load(from, source + j).compare(VectorOperators.LT, 0f));
      numerator.div(e.add(1f)).intoArray(to, j);
    }
  }

  /** The hyperbolic tangent where {@code to} holds the exponential of twice the magnitude. */
  private static void tanhFromExp(float[] from, int source, float[] to, int count) {
    for (int j = 0; j < count; j += LANES) {
      FloatVector x = load(from, source + j);
      FloatVector magnitude = x.abs();
      FloatVector large = ONE.sub(FloatVector.broadcast(FLOATS, 2f).div(load(to, j).add(1f)));
      FloatVector twice = magnitude.mul(2f);
      FloatVector e = lowTerms(highTerms(twice), twice);
      FloatVector small = e.div(e.add(2f));
      FloatVector result = large.blend(small, magnitude.compare(VectorOperators.LT, SERIES_LIMIT));
      IntVector sign = x.reinterpretAsInts().and(Integer.MIN_VALUE);
      result.reinterpretAsInts().or(sign).reinterpretAsFloats().intoArray(to, j);
    }
  }

  private static FloatVector highTerms(FloatVector r) {
    FloatVector q = FloatVector.broadcast(FLOATS, 1f / 5040f);
    q = q.fma(r, FloatVector.broadcast(FLOATS, 1f / 720f));
    q = q.fma(r, FloatVector.broadcast(FLOATS, 1f / 120f));
    return q.fma(r, FloatVector.broadcast(FLOATS, 1f / 24f));
  }

  /** The exponential minus one, from the high terms of its series. */
  private static FloatVector lowTerms(FloatVector high, FloatVector r) {
    FloatVector q = high.fma(r, FloatVector.broadcast(FLOATS, 1f / 6f));
    q = q.fma(r, FloatVector.broadcast(FLOATS, 0.5f));
    return q.fma(r.mul(r), r);
  }

  private static FloatVector powerOfTwo(IntVector exponent) {
    return exponent.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }
}
