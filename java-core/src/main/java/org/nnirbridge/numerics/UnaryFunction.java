package org.nnirbridge.numerics;

/**
 * The elementwise functions of one value; each constant holds its scalar definition in float32
 * (numerics.md §5).
 */
public enum UnaryFunction {
  IDENTITY,
  NEG,
  ABS,
  SQRT,
  RSQRT,
  RECIPROCAL,
  EXP,
  TANH,
  SIGMOID,
  SILU,
  EXP2,
  LOG,
  LOG2,
  LOG10,
  SOFTPLUS,
  GELU,
  GELU_TANH,
  ELU,
  HARDSWISH;

  /** The function of {@code x} in float32, before it is rounded to the format of the result. */
  public float apply(float x) {
    return switch (this) {
      case IDENTITY -> x;
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case SQRT -> (float) Math.sqrt(x);
      case RSQRT -> 1f / (float) Math.sqrt(x);
      case RECIPROCAL -> 1f / x;
      case EXP -> Elementary.exp(x);
      case TANH -> Elementary.tanh(x);
      case SIGMOID -> Elementary.sigmoid(x);
      case SILU -> x * Elementary.sigmoid(x);
      case EXP2 -> Elementary.exp2(x);
      case LOG -> Elementary.log(x);
      case LOG2 -> Elementary.log2(x);
      case LOG10 -> Elementary.log10(x);
      case SOFTPLUS -> Elementary.softplus(x);
      case GELU -> Elementary.gelu(x);
      case GELU_TANH -> Elementary.geluTanh(x);
      case ELU -> Elementary.elu(x);
      case HARDSWISH -> Elementary.hardswish(x);
    };
  }
}
