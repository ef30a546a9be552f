package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;

/** The sum or the mean along axes, which keep extent 1. */
public record Reduce(Reduction reduction, List<Integer> axes) implements AlongAxes {
  /** What is made of the values. */
  public enum Reduction {
    SUM,
    MEAN
  }

  public Reduce {
    axes = List.copyOf(axes);
  }

  @Override
  public String label() {
    return Print.label(reduction);
  }

  @Override
  public Reduce withAxes(List<Integer> newAxes) {
    return new Reduce(reduction, newAxes);
  }

  @Override
  public String action() {
    return switch (reduction) {
      case SUM -> "it sums";
      case MEAN -> "it averages";
    };
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return new TensorType(reduced(inputs.get(0).shape()), context.activationFormat());
  }

  private List<Integer> reduced(List<Integer> shape) {
    List<Integer> result = shape;
    for (int axis : axes) {
      result = Shapes.with(result, axis, 1);
    }
    return result;
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileArithmetic arithmetic = step.arithmetic();
    TileTensor input = step.input(0);
    NumberFormat format = step.type().format();
    return switch (reduction) {
      case SUM -> arithmetic.reduce(BinaryFunction.ADD, 0f, input, axes, format);
      case MEAN -> {
        TileTensor sum = arithmetic.reduce(BinaryFunction.ADD, 0f, input, axes, NumberFormat.FP32);
        TileTensor count = arithmetic.constant(count(input.shape()), sum);
        yield arithmetic.zip(BinaryFunction.DIV, sum, count, format);
      }
    };
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    List<Integer> shape = inputs.get(0).shape();
    List<Integer> target = reduced(shape);
    float[] values = new float[Shapes.size(target)];
    for (int i = 0; i < inputs.get(0).values().length; i++) {
      int[] coordinates = Shapes.coordinates(shape, i);
      axes.forEach(axis -> coordinates[axis] = 0);
      values[Shapes.flatIndex(target, coordinates)] += inputs.get(0).values()[i];
    }
    for (int i = 0; reduction == Reduction.MEAN && i < values.length; i++) {
      values[i] /= count(shape);
    }
    return Optional.of(new Tensor(target, values));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axes: " + axes);
  }
}
