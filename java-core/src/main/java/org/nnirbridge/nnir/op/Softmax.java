package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;

/** {@code exp(x - max) / sum(exp(x - max))} along an axis. */
public record Softmax(int axis) implements AlongAxes {
  @Override
  public List<Integer> axes() {
    return List.of(axis);
  }

  @Override
  public Softmax withAxes(List<Integer> axes) {
    return new Softmax(axes.get(0));
  }

  @Override
  public String action() {
    return "it takes a softmax";
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileArithmetic arithmetic = step.arithmetic();
    TileTensor x = step.input(0);
    TileTensor largest =
        arithmetic.reduce(
            BinaryFunction.MAXIMUM, Float.NEGATIVE_INFINITY, x, axes(), NumberFormat.FP32);
    TileTensor difference = arithmetic.zip(BinaryFunction.SUB, x, largest, NumberFormat.FP32);
    TileTensor powers = arithmetic.map(UnaryFunction.EXP, difference, NumberFormat.FP32);
    TileTensor sum = arithmetic.reduce(BinaryFunction.ADD, 0f, powers, axes(), NumberFormat.FP32);
    return arithmetic.zip(BinaryFunction.DIV, powers, sum, step.type().format());
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    List<Integer> shape = inputs.get(0).shape();
    float[] values = inputs.get(0).values().clone();
    int stride = Shapes.stride(shape, axis);
    int extent = shape.get(axis);
    for (int line = 0; line < values.length / extent; line++) {
      int first = line / stride * stride * extent + line % stride;
      float largest = Float.NEGATIVE_INFINITY;
      for (int i = first; i < first + extent * stride; i += stride) {
        largest = Math.max(largest, values[i]);
      }
      float sum = 0f;
      for (int i = first; i < first + extent * stride; i += stride) {
        values[i] = UnaryFunction.EXP.apply(values[i] - largest);
        sum += values[i];
      }
      for (int i = first; i < first + extent * stride; i += stride) {
        values[i] /= sum;
      }
    }
    return Optional.of(new Tensor(shape, values));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axis: " + axis);
  }
}
