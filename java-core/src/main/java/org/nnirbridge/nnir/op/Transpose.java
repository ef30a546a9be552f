package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;

/**
 * The axes in another order.
 *
 * @param permutation for each axis of the result, the axis of the input
 */
public record Transpose(List<Integer> permutation) implements Rearrangement {
  public Transpose {
    permutation = List.copyOf(permutation);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> shape = inputs.get(0).shape();
    return Rearrangement.typed(inputs, permutation.stream().map(shape::get).toList());
  }

  @Override
  public int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex) {
    int[] to = Shapes.coordinates(result.shape(), flatIndex);
    int[] from = new int[to.length];
    for (int axis = 0; axis < to.length; axis++) {
      from[permutation.get(axis)] = to[axis];
    }
    return Shapes.flatIndex(inputs.get(0).shape(), from);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    List<int[]> choices = new ArrayList<>();
    if (permutation.isEmpty()) {
      choices.add(new int[] {DataDims.SCALAR, DataDims.SCALAR});
    }
    for (int axis = 0; axis < permutation.size(); axis++) {
      choices.add(new int[] {permutation.get(axis), axis});
    }
    return new DataDims(choices, "the data dimension moves with its axis: [a b!] -> [b! a]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == StreamStep.NO_TIME) {
      return step.apply(this, time);
    }
    List<Integer> stepPermutation = new ArrayList<>();
    for (int axis : permutation) {
      if (axis != time) {
        stepPermutation.add(StreamStep.axisWithoutTime(axis, time));
      }
    }
    return step.apply(new Transpose(stepPermutation), permutation.indexOf(time));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("permutation: " + permutation);
  }
}
