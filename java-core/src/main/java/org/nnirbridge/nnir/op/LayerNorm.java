package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;

/**
 * {@code (x - mean) / sqrt(variance + epsilon) * weight + bias} along axes.
 *
 * @param weight of the extents of the axes
 * @param bias of the extents of the axes
 */
public record LayerNorm(
    List<Integer> axes, float epsilon, Optional<Tensor> weight, Optional<Tensor> bias)
    implements AlongAxes {
  public LayerNorm {
    axes = List.copyOf(axes);
  }

  @Override
  public LayerNorm withAxes(List<Integer> newAxes) {
    return new LayerNorm(newAxes, epsilon, weight, bias);
  }

  @Override
  public String action() {
    return "it normalizes";
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileArithmetic arithmetic = step.arithmetic();
    TileTensor x = step.input(0);
    TileTensor sum = arithmetic.reduce(BinaryFunction.ADD, 0f, x, axes, NumberFormat.FP32);
    TileTensor count = arithmetic.constant(count(x.shape()), sum);
    TileTensor mean = arithmetic.zip(BinaryFunction.DIV, sum, count, NumberFormat.FP32);
    TileTensor difference = arithmetic.zip(BinaryFunction.SUB, x, mean, NumberFormat.FP32);
    TileTensor scale = RmsNorm.scale(arithmetic, difference, this, epsilon);
    NumberFormat format = step.type().format();
    if (weight.isEmpty()) {
      return arithmetic.zip(BinaryFunction.MUL, difference, scale, format);
    }
    TileTensor factor = step.constant(weight.get(), axes, x);
    TileTensor weighted = arithmetic.zip(BinaryFunction.MUL, difference, factor, NumberFormat.FP32);
    if (bias.isEmpty()) {
      return arithmetic.zip(BinaryFunction.MUL, weighted, scale, format);
    }
    TileTensor shift = step.constant(bias.get(), axes, x);
    return arithmetic.multiplyAdd(weighted, scale, shift, format);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of(
        "axes: " + axes,
        "eps: " + epsilon,
        "weight: " + weight.map(values -> Print.tuple(values.shape())).orElse("None"),
        "bias: " + bias.map(values -> Print.tuple(values.shape())).orElse("None"));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    return Optional.of(FoldedNorm.of(inputs.get(0), this, true, epsilon, weight, bias));
  }
}
