package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;

/** Tensors one after another along an axis. */
public record Concat(int axis) implements Rearrangement {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> first = inputs.get(0).shape();
    NumberFormat format = inputs.get(0).format();
    int extent = 0;
    for (TensorType input : inputs) {
      if (input.rank() != first.size()
          || !Shapes.with(input.shape(), axis, 0).equals(Shapes.with(first, axis, 0))) {
        throw new UnsupportedModel(
            "shapes "
                + inputs.stream().map(TensorType::shape).toList()
                + " differ in another axis than "
                + axis);
      }
      if (input.format() == NumberFormat.FP32) {
        format = NumberFormat.FP32;
      }
      extent += input.shape().get(axis);
    }
    return new TensorType(Shapes.with(first, axis, extent), format);
  }

  @Override
  public int sourceInput(List<TensorType> inputs, TensorType result, int flatIndex) {
    int position = Shapes.coordinates(result.shape(), flatIndex)[axis];
    int input = 0;
    while (position >= inputs.get(input).shape().get(axis)) {
      position -= inputs.get(input).shape().get(axis);
      input++;
    }
    return input;
  }

  @Override
  public int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex) {
    int[] coordinates = Shapes.coordinates(result.shape(), flatIndex);
    int source = sourceInput(inputs, result, flatIndex);
    for (int input = 0; input < source; input++) {
      coordinates[axis] -= inputs.get(input).shape().get(axis);
    }
    return Shapes.flatIndex(inputs.get(source).shape(), coordinates);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(inputs.size(), result, Elementwise.RULE);
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    if (streamsExcerpts(step)) {
      return step.joinedAlongTime(axis);
    }
    int time =
        step.inputs().stream().mapToInt(StreamedNode::timeAxis).max().orElse(StreamStep.NO_TIME);
    return step.applyElementwise(new Concat(StreamStep.axisWithoutTime(axis, time)));
  }

  @Override
  public boolean streamsExcerpts(StreamStep step) {
    return step.inputs().stream().anyMatch(input -> input.timeAxis() == axis);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axis: " + axis);
  }
}
