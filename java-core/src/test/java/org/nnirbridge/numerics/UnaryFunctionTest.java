package org.nnirbridge.numerics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** Holds each function to its documented error over all finite BF16 values, against doubles. */
class UnaryFunctionTest {
  private static final double UNIT = 0x1p-23;

  @Test
  void expIsWithinTwoUlp() {
    assertWithin(UnaryFunction.EXP, StrictMath::exp, 2);
  }

  @Test
  void tanhIsWithinFourUlp() {
    assertWithin(UnaryFunction.TANH, StrictMath::tanh, 4);
  }

  @Test
  void sigmoidIsWithinThreeUlp() {
    assertWithin(UnaryFunction.SIGMOID, x -> 1 / (1 + StrictMath.exp(-x)), 3);
  }

  @Test
  void siluIsWithinFiveUlpWhereExpIsNormal() {
    assertWithin(UnaryFunction.SILU, x -> x < -87 ? Double.NaN : x / (1 + StrictMath.exp(-x)), 5);
  }

  @Test
  void siluIsNearZeroWhereExpIsSubnormal() {
    for (float x = -87f; x > -300f; x -= 0.5f) {
      double exact = x / (1 + StrictMath.exp(-x));
      assertEquals(exact, UnaryFunction.SILU.apply(x), 0x1p-141);
    }
  }

  @Test
  void theBf16ResultIsCorrectlyRoundedForNearlyAllInputs() {
    for (UnaryFunction function :
        new UnaryFunction[] {UnaryFunction.EXP, UnaryFunction.TANH, UnaryFunction.SIGMOID}) {
      int wrong = 0;
      for (int high = 0; high < 1 << 16; high++) {
        float x = Float.intBitsToFloat(high << 16);
        if (Float.isFinite(x)) {
          float exact = (float) exact(function).applyAsDouble(x);
          wrong += Bf16.round(function.apply(x)) == Bf16.round(exact) ? 0 : 1;
        }
      }
      assertTrue(wrong <= 4, function + " differs in " + wrong);
    }
  }

  @Test
  void specialValuesStay() {
    assertEquals(Float.POSITIVE_INFINITY, UnaryFunction.EXP.apply(Float.POSITIVE_INFINITY));
    assertEquals(0f, UnaryFunction.EXP.apply(Float.NEGATIVE_INFINITY));
    assertEquals(1f, UnaryFunction.TANH.apply(Float.POSITIVE_INFINITY));
    assertEquals(-1f, UnaryFunction.TANH.apply(Float.NEGATIVE_INFINITY));
    assertEquals(0f, UnaryFunction.SIGMOID.apply(Float.NEGATIVE_INFINITY));
    assertTrue(Float.isNaN(UnaryFunction.SIGMOID.apply(Float.NaN)));
    assertTrue(Float.isNaN(UnaryFunction.TANH.apply(Float.NaN)));
    assertEquals(
        Float.floatToRawIntBits(-0f), Float.floatToRawIntBits(UnaryFunction.TANH.apply(-0f)));
  }

  private static DoubleUnaryOperator exact(UnaryFunction function) {
    return switch (function) {
      case EXP -> StrictMath::exp;
      case TANH -> StrictMath::tanh;
      default -> x -> 1 / (1 + StrictMath.exp(-x));
    };
  }

  private static void assertWithin(UnaryFunction function, DoubleUnaryOperator exact, double ulps) {
    for (int high = 0; high < 1 << 16; high++) {
      float x = Float.intBitsToFloat(high << 16);
      double expected = exact.applyAsDouble(x);
      if (!Float.isFinite(x) || !(Math.abs(expected) <= Float.MAX_VALUE)) {
        continue;
      }
      double unit = Math.max(Math.abs(expected) * UNIT, Float.MIN_VALUE);
      double error = Math.abs(function.apply(x) - expected) / unit;
      assertTrue(error <= ulps, function + " of " + x + " is off by " + error + " ulp");
    }
  }
}
