package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;

/**
 * A batch normalization after training: {@code x * scale + shift} with float32 constants for each
 * position of an axis, rounded once.
 */
public record BatchNorm(Tensor scale, Tensor shift, int axis) implements Elementwise {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withFormat(context.activationFormat());
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == axis) {
      throw step.refuseAlongTime("it normalizes each position", time);
    }
    return step.apply(new BatchNorm(scale, shift, StreamStep.axisWithoutTime(axis, time)), time);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileArithmetic arithmetic = step.arithmetic();
    TileTensor x = step.input(0);
    return arithmetic.multiplyAdd(
        x,
        step.constant(scale, List.of(axis), x),
        step.constant(shift, List.of(axis), x),
        step.type().format());
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of(
        "scale: " + Print.tuple(scale.shape()),
        "shift: " + Print.tuple(shift.shape()),
        "axis: " + axis);
  }

  @Override
  public boolean hasFloat32() {
    return true;
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    List<Integer> shape = inputs.get(0).shape();
    float[] values = inputs.get(0).values().clone();
    for (int i = 0; i < values.length; i++) {
      int channel = Shapes.coordinates(shape, i)[axis];
      values[i] = Math.fma(values[i], scale.values()[channel], shift.values()[channel]);
    }
    return Optional.of(new Tensor(shape, values));
  }
}
