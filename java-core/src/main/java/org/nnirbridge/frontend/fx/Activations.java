package org.nnirbridge.frontend.fx;

import java.util.List;
import org.nnirbridge.nnir.op.Select;
import org.nnirbridge.nnir.op.Unary;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * Comparisons and where, and the activations that have parameters. Steps between operand and result
 * are float32.
 */
final class Activations {
  private static final float LARGEST_SOFTPLUS_CORRECTION = 20f;

  private Activations() {}

  /** {@code a > b} or {@code a >= b}. */
  static Argument compare(Call call, BinaryFunction function) {
    return compare(call, function, call.tensor(0, "input"), call.tensor(1, "other"));
  }

  /** {@code b > a} or {@code b >= a}. */
  static Argument compareReversed(Call call, BinaryFunction function) {
    return compare(call, function, call.tensor(1, "other"), call.tensor(0, "input"));
  }

  private static Argument compare(Call call, BinaryFunction function, int a, int b) {
    return new Argument.MaskValue(call.binary(function, a, b));
  }

  /** {@code value} where the mask holds, else the input. */
  static Argument maskedFill(Call call) {
    int mask = Masks.mask(call, 1, "mask");
    int input = call.tensor(0, "input");
    return new Argument.TensorValue(choose(call, mask, call.tensor(2, "value"), input));
  }

  static Argument where(Call call) {
    return where(call, call.required(0, "condition"), call.tensor(1, "input"));
  }

  /** The method: {@code input.where(condition, other)}. */
  static Argument whereMethod(Call call) {
    return where(call, call.required(1, "condition"), call.tensor(0, "input"));
  }

  private static Argument where(Call call, Argument condition, int input) {
    int mask =
        condition instanceof Argument.MaskValue comparison
            ? comparison.node()
            : call.tensor(condition, "condition");
    return new Argument.TensorValue(choose(call, mask, input, call.tensor(2, "other")));
  }

  private static int choose(Call call, int mask, int a, int b) {
    List<Integer> shape = call.commonShape(call.shape(a), call.shape(b));
    List<Integer> common = call.commonShape(call.shape(mask), shape);
    return call.add(
        new Select(),
        call.broadcast(mask, common),
        call.broadcast(a, common),
        call.broadcast(b, common));
  }

  static Argument gelu(Call call) {
    String kind =
        call.argument(-1, "approximate").orElse(new Argument.Text("none"))
                instanceof Argument.Text text
            ? text.value()
            : "";
    return switch (kind) {
      case "none" -> Functions.unary(call, UnaryFunction.GELU);
      case "tanh" -> Functions.unary(call, UnaryFunction.GELU_TANH);
      default -> throw call.refuse("approximate must be 'none' or 'tanh'");
    };
  }

  /** {@code x} above the threshold, else {@code log(1 + exp(beta * x)) / beta}. */
  static Argument softplus(Call call) {
    float beta = call.number(1, "beta", 1f);
    float threshold = call.number(2, "threshold", LARGEST_SOFTPLUS_CORRECTION);
    if (beta == 1f && threshold >= LARGEST_SOFTPLUS_CORRECTION) {
      return Functions.unary(call, UnaryFunction.SOFTPLUS);
    }
    int input = call.tensor(0, "input");
    Call exact = call.inFloat32();
    int scaled = exact.scaled(input, beta);
    int curve = exact.add(new Unary(UnaryFunction.SOFTPLUS), scaled);
    int result = exact.binary(BinaryFunction.DIV, curve, exact.scalar(beta));
    int mask = exact.binary(BinaryFunction.GREATER, scaled, exact.scalar(threshold));
    return new Argument.TensorValue(choose(call.inBf16(), mask, input, result));
  }

  /** {@code x} above zero, else {@code alpha * (exp(x) - 1)}. */
  static Argument elu(Call call) {
    float alpha = call.number(1, "alpha", 1f);
    if (alpha == 1f) {
      return Functions.unary(call, UnaryFunction.ELU);
    }
    int curve = call.inFloat32().add(new Unary(UnaryFunction.ELU), call.tensor(0, "input"));
    return scaledBelowZero(call.inBf16(), curve, alpha);
  }

  static Argument leakyRelu(Call call) {
    float slope = call.number(1, "negative_slope", 0.01f);
    return scaledBelowZero(call, call.tensor(0, "input"), slope);
  }

  private static Argument scaledBelowZero(Call call, int values, float factor) {
    int input = call.tensor(0, "input");
    int mask = call.binary(BinaryFunction.GREATER, input, call.scalar(0f));
    int scaled = call.inFloat32().scaled(values, factor);
    return new Argument.TensorValue(choose(call, mask, input, scaled));
  }
}
