package org.nnirbridge.frontend.onnx;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.Tensor;

/**
 * Finds GELU where exporters write it out: {@code x * 0.5 * (1 + erf(x / sqrt(2)))}, in any order
 * of its factors. Erf itself is no operator of the machine, so that its parts are no nodes.
 */
final class OnnxGelu {
  private static final double NEAR = 1e-3;

  /** Tensors that are another times a number. */
  private final Map<Integer, Scaled> scaled = new HashMap<>();

  /** By name what follows from an erf. */
  private final Map<String, Part> parts = new HashMap<>();

  private record Scaled(int x, double factor) {}

  /**
   * {@code factor * (1 + erf(x / sqrt(2)))}, without the 1 at first, and times x at last.
   *
   * @param x the node of x
   */
  private record Part(int x, double factor, boolean plusOne, boolean timesX) {}

  Argument erf(OnnxNode node) {
    Scaled z = scaled.get(node.tensor(0));
    if (z == null || Math.abs(z.factor() - Math.sqrt(0.5)) > NEAR) {
      throw node.refuse("it is supported as a part of GELU only; use Gelu or tanh");
    }
    return part(node, new Part(z.x(), 1, false, false));
  }

  private Argument part(OnnxNode node, Part part) {
    if (part.timesX() && Math.abs(part.factor() - 0.5) < NEAR) {
      return node.torch("gelu", new Argument.TensorValue(part.x()));
    }
    parts.put(node.proto().getOutput(0), part);
    return new Argument.Opaque("a part of GELU");
  }

  /** The sum of 1 and an erf; empty for any other sum. */
  Optional<Argument> add(OnnxNode node) {
    for (int i = 0; i < 2; i++) {
      Part part = parts.get(node.inputName(i));
      if (part != null && !part.plusOne() && scalar(node, 1 - i).filter(c -> c == 1f).isPresent()) {
        return Optional.of(part(node, new Part(part.x(), part.factor(), true, false)));
      }
    }
    return Optional.empty();
  }

  Argument multiply(OnnxNode node) {
    for (int i = 0; i < 2; i++) {
      Part part = parts.get(node.inputName(i));
      if (part != null) {
        return times(node, part, 1 - i);
      }
    }
    Argument product = node.torch("mul", node.argument(0), node.argument(1));
    for (int i = 0; i < 2; i++) {
      int operand = i;
      scalar(node, 1 - i).ifPresent(factor -> note(node, product, operand, factor));
    }
    return product;
  }

  Argument divide(OnnxNode node, Argument quotient) {
    scalar(node, 1).ifPresent(divisor -> note(node, quotient, 0, 1.0 / divisor));
    return quotient;
  }

  private Argument times(OnnxNode node, Part part, int other) {
    Optional<Float> factor = scalar(node, other);
    if (factor.isPresent()) {
      double product = part.factor() * factor.get();
      return part(node, new Part(part.x(), product, part.plusOne(), part.timesX()));
    }
    int operand = node.tensor(other);
    Scaled ofX =
        operand == part.x()
            ? new Scaled(operand, 1)
            : scaled.getOrDefault(operand, new Scaled(operand, 1));
    if (ofX.x() != part.x() || !part.plusOne() || part.timesX()) {
      throw node.refuse("erf is supported as a part of GELU only; use Gelu or tanh");
    }
    return part(node, new Part(part.x(), part.factor() * ofX.factor(), true, true));
  }

  private void note(OnnxNode node, Argument result, int operand, double factor) {
    if (result instanceof Argument.TensorValue value) {
      scaled.put(value.node(), new Scaled(node.tensor(operand), factor));
    }
  }

  private static Optional<Float> scalar(OnnxNode node, int input) {
    if (node.values().isPartOfGelu(node.inputName(input))) {
      return Optional.empty();
    }
    return node.constant(input)
        .map(Tensor::values)
        .filter(values -> values.length == 1)
        .map(values -> values[0]);
  }

  boolean isPart(String name) {
    return parts.containsKey(name);
  }
}
