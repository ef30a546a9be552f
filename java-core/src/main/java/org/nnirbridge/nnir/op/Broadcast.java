package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;

/** Axes of extent 1 repeated; the rank stays. */
public record Broadcast(List<Integer> shape) implements Rearrangement {
  public Broadcast {
    shape = List.copyOf(shape);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> from = inputs.get(0).shape();
    boolean fits = from.size() == shape.size();
    for (int axis = 0; fits && axis < shape.size(); axis++) {
      fits = from.get(axis) == 1 || from.get(axis).equals(shape.get(axis));
    }
    if (!fits) {
      throw new UnsupportedModel("shape " + from + " cannot be broadcast to " + shape);
    }
    return Rearrangement.typed(inputs, shape);
  }

  @Override
  public int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex) {
    List<Integer> from = inputs.get(0).shape();
    int[] coordinates = Shapes.coordinates(result.shape(), flatIndex);
    for (int axis = 0; axis < coordinates.length; axis++) {
      coordinates[axis] = Math.min(coordinates[axis], from.get(axis) - 1);
    }
    return Shapes.flatIndex(from, coordinates);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(
        1, result, "a broadcast keeps the data dimension: [1 b!] -> [n b!], [a 1!] -> [a n!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == StreamStep.NO_TIME) {
      return step.apply(this, time);
    }
    if (!step.inputType(0).shape().get(time).equals(shape.get(time))) {
      throw step.refuseAlongTime("it repeats its input", time);
    }
    return step.apply(new Broadcast(Shapes.without(shape, time)), time);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("shape: " + shape);
  }
}
