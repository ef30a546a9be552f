package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.tile.TileTensor;

/** The same values in another number format, rounded to nearest even where it is narrower. */
public record Cast(NumberFormat format) implements Elementwise {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withFormat(format);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.input(0).map(tile -> step.tiles().unary(UnaryFunction.IDENTITY, tile, format));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("to: " + Print.precision(format));
  }

  @Override
  public boolean printsActivationPrecision() {
    return false;
  }
}
