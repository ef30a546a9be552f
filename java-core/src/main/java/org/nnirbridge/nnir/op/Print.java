package org.nnirbridge.nnir.op;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.NumberFormat;

/** How attributes look in the print of a graph. */
final class Print {
  private Print() {}

  /** A shape, {@code (64, 64)}; a vector's is its extent alone. */
  static String tuple(List<Integer> shape) {
    if (shape.size() == 1) {
      return shape.get(0).toString();
    }
    return shape.stream().map(Object::toString).collect(Collectors.joining(", ", "(", ")"));
  }

  /** A constant's name as an operator's: GREATER_EQUAL becomes GreaterEqual. */
  static String label(Enum<?> constant) {
    return Arrays.stream(constant.name().split("_"))
        .map(word -> word.charAt(0) + word.substring(1).toLowerCase(Locale.ROOT))
        .collect(Collectors.joining());
  }

  static String weightPrecision(NodeContext context) {
    return "weight_precision: " + (context.fp8Weights() ? "Fp8" : "Bf16");
  }

  static String bias(Tensor bias) {
    return "bias: " + tuple(bias.shape());
  }

  /** A number without a needless fraction, None for an infinite bound. */
  static String bound(float value) {
    if (Float.isInfinite(value)) {
      return "None";
    }
    return value == (long) value ? Long.toString((long) value) : Float.toString(value);
  }

  static String precision(NumberFormat format) {
    return switch (format) {
      case BF16 -> "Bf16";
      case FP32 -> "Fp32";
    };
  }
}
