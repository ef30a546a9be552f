package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;

/** {@code length} positions of an axis, from {@code start} in strides of {@code step}. */
public record Slice(int axis, int start, int step, int length) implements Rearrangement {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return Rearrangement.typed(inputs, Shapes.with(inputs.get(0).shape(), axis, length));
  }

  @Override
  public int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex) {
    int[] coordinates = Shapes.coordinates(result.shape(), flatIndex);
    coordinates[axis] = start + coordinates[axis] * step;
    return Shapes.flatIndex(inputs.get(0).shape(), coordinates);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(1, result, "a slice keeps the data dimension: [a b!] -> [c b!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time != axis) {
      return step.apply(
          new Slice(StreamStep.axisWithoutTime(axis, time), start, this.step, length), time);
    }
    if (this.step != 1) {
      throw step.refuseAlongTime("it takes one of " + this.step + " values", time);
    }
    return step.shortened(start, length);
  }

  @Override
  public boolean streamsExcerpts(StreamStep step) {
    return step.timeAxis(0) == axis;
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axis: " + axis, "start: " + start, "step: " + step, "length: " + length);
  }
}
