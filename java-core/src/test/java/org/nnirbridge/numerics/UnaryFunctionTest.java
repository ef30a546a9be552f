package org.nnirbridge.numerics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Holds each function to its documented error over all finite BF16 values, against doubles. */
class UnaryFunctionTest {
  private static final double UNIT = 0x1p-23;
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  /** The functions that are plain IEEE operations. */
  private static final Set<UnaryFunction> EXACT =
      EnumSet.of(
          UnaryFunction.IDENTITY,
          UnaryFunction.NEG,
          UnaryFunction.ABS,
          UnaryFunction.SQRT,
          UnaryFunction.RSQRT,
          UnaryFunction.RECIPROCAL);

  /** The worst error in units of the last place above an argument, as numerics.md §5 has it. */
  @ParameterizedTest
  @CsvSource({
    "EXP, -Infinity, 2",
    "TANH, -Infinity, 4",
    "SIGMOID, -Infinity, 3",
    "SILU, -87, 5",
    "EXP2, -Infinity, 1",
    "LOG, -Infinity, 1",
    "LOG2, -Infinity, 2",
    "LOG10, -Infinity, 2",
    "SOFTPLUS, -Infinity, 2",
    "GELU, -13, 2",
    "GELU_TANH, -5, 8",
    "GELU_TANH, -10, 60",
    "ELU, -Infinity, 1",
    "HARDSWISH, -Infinity, 2"
  })
  void theErrorIsAsDocumented(UnaryFunction function, double above, double ulps) {
    DoubleUnaryOperator exact = exact(function);
    double worst = 0;
    for (int high = 0; high < 1 << 16; high++) {
      float x = Float.intBitsToFloat(high << 16);
      double expected = exact.applyAsDouble(x);
      if (!Float.isFinite(x) || x < above || !(Math.abs(expected) <= Float.MAX_VALUE)) {
        continue;
      }
      double unit = Math.max(Math.abs(expected) * UNIT, Float.MIN_VALUE);
      worst = Math.max(worst, Math.abs(function.apply(x) - expected) / unit);
    }
    assertTrue(worst <= ulps, function + " is off by " + worst + " ulp");
    assertTrue(worst > ulps / 4, function + " is off by no more than " + worst + " ulp");
  }

  @ParameterizedTest
  @CsvSource({"SILU, -87, -141", "GELU, -13, -145", "GELU_TANH, -10, -140"})
  void theErrorIsTinyWhereTheResultIsSubnormal(UnaryFunction function, float below, int exponent) {
    DoubleUnaryOperator exact = exact(function);
    for (float x = below; x > -300f; x -= 0.03125f) {
      assertEquals(exact.applyAsDouble(x), function.apply(x), Math.scalb(1d, exponent));
    }
  }

  @Test
  void theBf16ResultIsCorrectlyRoundedForNearlyAllInputs() {
    for (UnaryFunction function : EnumSet.complementOf(EnumSet.copyOf(EXACT))) {
      int wrong = 0;
      for (int high = 0; high < 1 << 16; high++) {
        float x = Float.intBitsToFloat(high << 16);
        if (Float.isFinite(x)) {
          float exact = (float) exact(function).applyAsDouble(x);
          wrong += same(Bf16.round(function.apply(x)), Bf16.round(exact)) ? 0 : 1;
        }
      }
      assertTrue(wrong <= 4, function + " differs in " + wrong);
    }
  }

  private static boolean same(float a, float b) {
    return a == b || (Float.isNaN(a) && Float.isNaN(b));
  }

  @ParameterizedTest
  @CsvSource({
    "EXP, 0, Infinity",
    "TANH, -1, 1",
    "SIGMOID, 0, 1",
    "EXP2, 0, Infinity",
    "LOG, NaN, Infinity",
    "LOG2, NaN, Infinity",
    "LOG10, NaN, Infinity",
    "SOFTPLUS, 0, Infinity",
    "ELU, -1, Infinity",
    "SILU, NaN, Infinity",
    "GELU, NaN, Infinity",
    "GELU_TANH, NaN, Infinity",
    "HARDSWISH, NaN, Infinity"
  })
  void infinitiesAndNanHaveTheirResults(UnaryFunction function, float low, float high) {
    assertEquals(low, function.apply(-INFINITY));
    assertEquals(high, function.apply(INFINITY));
    assertTrue(Float.isNaN(function.apply(Float.NaN)));
  }

  @Test
  void logarithmsKnowZeroAndPowersOfTheirBase() {
    for (UnaryFunction log :
        new UnaryFunction[] {UnaryFunction.LOG, UnaryFunction.LOG2, UnaryFunction.LOG10}) {
      assertEquals(-INFINITY, log.apply(0f));
      assertEquals(-INFINITY, log.apply(-0f));
      assertTrue(Float.isNaN(log.apply(-1f)));
      assertEquals(0f, log.apply(1f));
    }
    for (int n = -149; n < 128; n++) {
      assertEquals(n, UnaryFunction.LOG2.apply(Math.scalb(1f, n)));
      assertEquals(Math.scalb(1f, n), UnaryFunction.EXP2.apply(n));
    }
  }

  @Test
  void tanhKeepsTheSignOfZero() {
    assertEquals(
        Float.floatToRawIntBits(-0f), Float.floatToRawIntBits(UnaryFunction.TANH.apply(-0f)));
  }

  private static DoubleUnaryOperator exact(UnaryFunction function) {
    return switch (function) {
      case EXP -> StrictMath::exp;
      case TANH -> StrictMath::tanh;
      case SIGMOID -> UnaryFunctionTest::sigmoid;
      case SILU -> x -> x * sigmoid(x);
      case EXP2 -> x -> StrictMath.pow(2, x);
      case LOG -> StrictMath::log;
      case LOG2 -> x -> StrictMath.log(x) / StrictMath.log(2);
      case LOG10 -> StrictMath::log10;
      case SOFTPLUS -> x -> Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
      case GELU -> x -> x * normalDistribution(x);
      case GELU_TANH -> x -> x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
      case ELU -> x -> x > 0 ? x : StrictMath.expm1(x);
      case HARDSWISH -> x -> x * Math.min(Math.max(x + 3, 0), 6) / 6;
      case IDENTITY, NEG, ABS, SQRT, RSQRT, RECIPROCAL ->
          throw new IllegalArgumentException(function + " needs no reference");
    };
  }

  private static double sigmoid(double x) {
    return 1 / (1 + StrictMath.exp(-x));
  }

  /** By its power series near zero, by its continued fraction further out. */
  private static double normalDistribution(double x) {
    double a = Math.abs(x);
    double density = StrictMath.exp(-a * a / 2) / Math.sqrt(2 * Math.PI);
    double tail;
    if (a < 2.5) {
      double term = a;
      double sum = a;
      for (int k = 3; k < 101; k += 2) {
        term *= a * a / k;
        sum += term;
      }
      tail = 0.5 - density * sum;
    } else {
      double fraction = a;
      for (int k = 200; k > 0; k--) {
        fraction = a + k / fraction;
      }
      tail = density / fraction;
    }
    return x < 0 ? tail : 1 - tail;
  }
}
