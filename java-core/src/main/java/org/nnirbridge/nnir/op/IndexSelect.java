package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;

/** Positions of an axis in any order, also several times. */
public record IndexSelect(int axis, List<Integer> indices) implements Rearrangement {
  public IndexSelect {
    indices = List.copyOf(indices);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return Rearrangement.typed(inputs, Shapes.with(inputs.get(0).shape(), axis, indices.size()));
  }

  @Override
  public int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex) {
    int[] coordinates = Shapes.coordinates(result.shape(), flatIndex);
    coordinates[axis] = indices.get(coordinates[axis]);
    return Shapes.flatIndex(inputs.get(0).shape(), coordinates);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(1, result, "selecting keeps the data dimension: [a b!] -> [c b!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == axis) {
      throw step.refuseAlongTime("it selects", time);
    }
    return step.apply(new IndexSelect(StreamStep.axisWithoutTime(axis, time), indices), time);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axis: " + axis, "indices: " + indices);
  }
}
