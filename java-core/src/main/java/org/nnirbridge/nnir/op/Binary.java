package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;

/** An elementwise function of two tensors of one shape; {@link Broadcast} comes before it. */
public record Binary(BinaryFunction function) implements Elementwise {
  @Override
  public String label() {
    return Print.label(function);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    if (!inputs.get(0).shape().equals(inputs.get(1).shape())) {
      throw new UnsupportedModel(
          "operands have shapes " + inputs.get(0).shape() + " and " + inputs.get(1).shape());
    }
    return inputs
        .get(0)
        .withFormat(function.isComparison() ? NumberFormat.BF16 : context.activationFormat());
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.input(0)
        .zip(
            step.input(1),
            (a, b) ->
                function.isComparison()
                    ? step.tiles().compare(function, a, b)
                    : step.tiles().binary(function, a, b, step.type().format()));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    float[] values = inputs.get(0).values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = function.apply(values[i], inputs.get(1).values()[i]);
    }
    return Optional.of(new Tensor(inputs.get(0).shape(), values));
  }
}
