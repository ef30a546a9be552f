package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;

/**
 * {@code x / sqrt(mean(x^2) + epsilon) * weight} along axes.
 *
 * @param weight of the extents of the axes
 */
public record RmsNorm(List<Integer> axes, float epsilon, Optional<Tensor> weight)
    implements AlongAxes {
  public RmsNorm {
    axes = List.copyOf(axes);
  }

  @Override
  public RmsNorm withAxes(List<Integer> newAxes) {
    return new RmsNorm(newAxes, epsilon, weight);
  }

  @Override
  public String action() {
    return "it normalizes";
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileArithmetic arithmetic = step.arithmetic();
    TileTensor x = step.input(0);
    TileTensor scale = scale(arithmetic, x, this, epsilon);
    NumberFormat format = step.type().format();
    if (weight.isEmpty()) {
      return arithmetic.zip(BinaryFunction.MUL, x, scale, format);
    }
    TileTensor factor = step.constant(weight.get(), axes, x);
    TileTensor weighted = arithmetic.zip(BinaryFunction.MUL, x, factor, NumberFormat.FP32);
    return arithmetic.zip(BinaryFunction.MUL, weighted, scale, format);
  }

  /** {@code 1 / sqrt(mean(x^2) + epsilon)} along an operator's axes, in float32. */
  static TileTensor scale(TileArithmetic arithmetic, TileTensor x, AlongAxes op, float epsilon) {
    TileTensor squares = arithmetic.zip(BinaryFunction.MUL, x, x, NumberFormat.FP32);
    TileTensor sum =
        arithmetic.reduce(BinaryFunction.ADD, 0f, squares, op.axes(), NumberFormat.FP32);
    TileTensor mean =
        arithmetic.multiplyAdd(
            sum,
            arithmetic.constant(1f / op.count(x.shape()), sum),
            arithmetic.constant(epsilon, sum),
            NumberFormat.FP32);
    return arithmetic.map(UnaryFunction.RSQRT, mean, NumberFormat.FP32);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of(
        "axes: " + axes,
        "eps: " + epsilon,
        "weight: " + weight.map(values -> Print.tuple(values.shape())).orElse("None"));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    return Optional.of(
        FoldedNorm.of(inputs.get(0), this, false, epsilon, weight, Optional.empty()));
  }
}
