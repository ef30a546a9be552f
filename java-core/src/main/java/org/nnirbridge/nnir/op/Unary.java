package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.tile.TileTensor;

/** An elementwise function of one tensor. */
public record Unary(UnaryFunction function) implements Elementwise {
  @Override
  public String label() {
    return Print.label(function);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withFormat(context.activationFormat());
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.input(0).map(tile -> step.tiles().unary(function, tile, step.type().format()));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    float[] values = inputs.get(0).values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = function.apply(values[i]);
    }
    return Optional.of(new Tensor(inputs.get(0).shape(), values));
  }

  @Override
  public boolean hasFloat32() {
    return switch (function) {
      case IDENTITY, NEG, ABS, EXP, EXP2 -> true;
      default -> false;
    };
  }
}
