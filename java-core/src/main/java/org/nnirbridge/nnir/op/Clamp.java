package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/**
 * {@code min(max(x, minimum), maximum)}: a maximum below the minimum wins.
 *
 * @param minimum negative infinity for none
 * @param maximum infinity for none
 */
public record Clamp(float minimum, float maximum) implements Elementwise {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withFormat(context.activationFormat());
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.input(0)
        .map(tile -> step.tiles().clamp(minimum, maximum, tile, step.type().format()));
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    float[] values = inputs.get(0).values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.min(Math.max(values[i], minimum), maximum);
    }
    return Optional.of(new Tensor(inputs.get(0).shape(), values));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("min: " + Print.bound(minimum), "max: " + Print.bound(maximum));
  }

  @Override
  public boolean hasFloat32() {
    return true;
  }
}
