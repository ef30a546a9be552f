package org.nnirbridge.frontend.onnx;

import java.util.function.BinaryOperator;
import java.util.function.Function;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.Tensor;

/**
 * ONNX's comparisons and logic. On constants, from which exporters compute shapes and choose
 * branches, they give constants.
 */
final class OnnxLogic {
  private OnnxLogic() {}

  /** PyTorch's comparison or logic of two operands, and what it is for constants. */
  static Argument binary(OnnxNode node, String function, BinaryOperator<Float> onConstants) {
    return node.constant(0).isPresent() && node.constant(1).isPresent()
        ? onConstants(node, onConstants)
        : node.torch(function, node.argument(0), node.argument(1));
  }

  /** Of numbers, or of comparisons, which are equal where they do not differ. */
  static Argument equal(OnnxNode node) {
    if (isComparison(node, 0) || isComparison(node, 1)) {
      Argument differ = node.torch("logical_xor", node.argument(0), node.argument(1));
      return node.torch("logical_not", differ);
    }
    return binary(node, "eq", (a, b) -> a.equals(b) ? 1f : 0f);
  }

  static Argument not(OnnxNode node) {
    if (node.constant(0).isPresent()) {
      float[] values = node.constant(0).get().values().clone();
      for (int i = 0; i < values.length; i++) {
        values[i] = values[i] == 0f ? 1f : 0f;
      }
      return node.constantResult(new Tensor(node.constant(0).get().shape(), values));
    }
    return node.torch("logical_not", node.argument(0));
  }

  /** What is not zero. */
  static Argument nonZero(OnnxNode node) {
    return isComparison(node, 0)
        ? node.argument(0)
        : node.torch("ne", node.argument(0), OnnxNode.number(0));
  }

  /** What only moves values moves those of a comparison too, and gives one then. */
  static Argument moved(OnnxNode node, Function<OnnxNode, Argument> move) {
    if (!node.has(0) || !(node.argument(0) instanceof Argument.MaskValue mask)) {
      return move.apply(node);
    }
    String name = node.inputName(0);
    node.values().put(name, new Argument.TensorValue(mask.node()));
    try {
      return asComparison(move.apply(node));
    } finally {
      node.values().put(name, mask);
    }
  }

  private static Argument asComparison(Argument moved) {
    if (moved instanceof Argument.TensorValue value) {
      return new Argument.MaskValue(value.node());
    }
    return moved instanceof Argument.Several several
        ? Argument.Several.of(several.all().stream().map(OnnxLogic::asComparison).toList())
        : moved;
  }

  private static boolean isComparison(OnnxNode node, int input) {
    return node.argument(input) instanceof Argument.MaskValue;
  }

  /** A function of two constants, one of which may be a single number. */
  static Argument onConstants(OnnxNode node, BinaryOperator<Float> function) {
    Tensor a = node.requiredConstant(0, "first operand");
    Tensor b = node.requiredConstant(1, "second operand");
    boolean scalarA = a.values().length == 1;
    boolean scalarB = b.values().length == 1;
    if (!scalarA && !scalarB && !a.shape().equals(b.shape())) {
      throw node.refuse("shapes " + a.shape() + " and " + b.shape() + " of constants differ");
    }
    Tensor larger = scalarA ? b : a;
    float[] values = new float[larger.values().length];
    for (int i = 0; i < values.length; i++) {
      values[i] = function.apply(a.values()[scalarA ? 0 : i], b.values()[scalarB ? 0 : i]);
    }
    return node.constantResult(new Tensor(larger.shape(), values));
  }
}
