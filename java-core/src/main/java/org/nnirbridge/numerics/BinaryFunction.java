package org.nnirbridge.numerics;

/**
 * The elementwise functions of two values; each constant holds its scalar definition in float32
 * (numerics.md §4).
 */
public enum BinaryFunction {
  ADD,
  SUB,
  MUL,
  DIV,
  MAXIMUM,
  MINIMUM,
  GREATER,
  GREATER_EQUAL;

  /** Whether the result is 1 or 0. */
  public boolean isComparison() {
    return switch (this) {
      case GREATER, GREATER_EQUAL -> true;
      case ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM -> false;
    };
  }

  /**
   * The function of {@code a} and {@code b} in float32, before it is rounded to the format of the
   * result.
   */
  public float apply(float a, float b) {
    return switch (this) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case MAXIMUM -> Math.max(a, b);
      case MINIMUM -> Math.min(a, b);
      case GREATER -> a > b ? 1f : 0f;
      case GREATER_EQUAL -> a >= b ? 1f : 0f;
    };
  }
}
