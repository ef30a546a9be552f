package org.nnirbridge.frontend.onnx;

import java.util.Map;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.op.Clamp;

/** ONNX's activations with parameters, and those that exporters write in several nodes. */
final class OnnxActivations {
  private OnnxActivations() {}

  static Argument gelu(OnnxNode node) {
    Argument kind = new Argument.Text(node.text("approximate", "none"));
    return node.torch("gelu", Map.of("approximate", kind), node.argument(0));
  }

  static Argument swish(OnnxNode node) {
    if (node.number("alpha", 1f) != 1f) {
      throw node.refuse("alpha=" + node.number("alpha", 1f) + " is not supported; use 1");
    }
    return node.torch("silu", node.argument(0));
  }

  static Argument softmax(OnnxNode node) {
    boolean flattens = node.opset() < 13;
    int rank = node.rank(0);
    int axis = node.axis(node.integer("axis", flattens ? 1 : -1), rank);
    if (flattens && axis != rank - 1) {
      throw node.refuse(
          "before operator set 13 it runs over all axes from %d on; export with a newer one"
              .formatted(axis));
    }
    return node.torch("softmax", node.argument(0), OnnxNode.number(axis));
  }

  static Argument clip(OnnxNode node) {
    float minimum = node.number(1, "min").orElse(node.number("min", Float.NEGATIVE_INFINITY));
    float maximum = node.number(2, "max").orElse(node.number("max", Float.POSITIVE_INFINITY));
    return node.result(new Clamp(minimum, maximum), node.tensor(0));
  }

  static Argument power(OnnxNode node) {
    if (node.constant(0)
        .filter(base -> base.values().length == 1 && base.values()[0] == 2f)
        .isPresent()) {
      return node.torch("exp2", node.argument(1));
    }
    float exponent =
        node.number(1, "exponent").orElseThrow(() -> node.refuse("its exponent is missing"));
    Argument x = node.argument(0);
    if (exponent == 1f) {
      return x;
    }
    if (exponent == 2f) {
      return node.torch("mul", x, x);
    }
    if (exponent == 3f) {
      return node.torch("mul", node.torch("mul", x, x), x);
    }
    if (exponent == 0.5f) {
      return node.torch("sqrt", x);
    }
    if (exponent == -0.5f) {
      return node.torch("rsqrt", x);
    }
    if (exponent == -1f) {
      return node.torch("reciprocal", x);
    }
    throw node.refuse("exponent " + exponent + " is not supported; use 2, 3, 1, 0.5, -0.5 or -1");
  }
}
