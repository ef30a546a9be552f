package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/** On operands (mask, a, b): {@code a} where the mask is not zero, else {@code b}. */
public record Select() implements Elementwise {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    if (inputs.stream().map(TensorType::shape).distinct().count() > 1) {
      throw new UnsupportedModel(
          "operands have shapes " + inputs.stream().map(TensorType::shape).toList());
    }
    return inputs.get(1).withFormat(context.activationFormat());
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.input(0)
        .zip(
            step.input(1),
            step.input(2),
            (mask, a, b) -> step.tiles().select(mask, a, b, step.type().format()));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    float[] values = inputs.get(1).values().clone();
    for (int i = 0; i < values.length; i++) {
      if (inputs.get(0).values()[i] == 0f) {
        values[i] = inputs.get(2).values()[i];
      }
    }
    return Optional.of(new Tensor(inputs.get(1).shape(), values));
  }

  @Override
  public boolean hasFloat32() {
    return true;
  }
}
