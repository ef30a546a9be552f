package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;

/** The same values in row-major order under another shape; also squeeze, unsqueeze and flatten. */
public record Reshape(List<Integer> shape) implements Rearrangement {
  public Reshape {
    shape = List.copyOf(shape);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> from = inputs.get(0).shape();
    if (Shapes.size(from) != Shapes.size(shape)) {
      throw new UnsupportedModel(
          from + " has " + Shapes.size(from) + " values and cannot become " + shape);
    }
    return Rearrangement.typed(inputs, shape);
  }

  @Override
  public int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex) {
    return flatIndex;
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    List<Integer> from = inputs.get(0).shape();
    List<int[]> choices = new ArrayList<>();
    if (from.isEmpty()) {
      choices.add(new int[] {DataDims.SCALAR, shape.isEmpty() ? DataDims.SCALAR : 0});
    }
    for (int axis = 0; axis < from.size(); axis++) {
      int target = shape.isEmpty() ? DataDims.SCALAR : leftmostWithStride(from, axis);
      if (shape.isEmpty() || target >= 0) {
        choices.add(new int[] {axis, target});
      }
      for (int other = target + 1; from.get(axis) == 1 && other < shape.size(); other++) {
        if (shape.get(other) == 1 && Shapes.stride(shape, other) == Shapes.stride(from, axis)) {
          choices.add(new int[] {axis, other}); // a single value may lie along any such axis
        }
      }
    }
    return new DataDims(
        choices,
        "the stride of the data dimension stays: [a (n*b)! c] -> [a n b! c], but not [a b! c] ->"
            + " [a (b*c)!]");
  }

  private int leftmostWithStride(List<Integer> from, int axis) {
    int stride = Shapes.stride(from, axis);
    int extent = from.get(axis);
    for (int target = 0; target < shape.size(); target++) {
      int targetExtent = shape.get(target);
      boolean divides =
          extent == 0
              || targetExtent == 0
              || extent % targetExtent == 0
              || targetExtent % extent == 0;
      if (Shapes.stride(shape, target) == stride && divides) {
        return target;
      }
    }
    return -1;
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == StreamStep.NO_TIME) {
      return step.apply(this, time);
    }
    List<Integer> from = step.inputType(0).shape();
    int target = sameAxis(from, time);
    if (target >= 0) {
      return step.apply(new Reshape(Shapes.without(shape, target)), target);
    }
    if (step.inputs().get(0).excerpt().isPresent()) {
      throw step.refuseExcerpts();
    }
    throw step.refuse(
        "reshaping "
            + from
            + " to "
            + shape
            + " mixes the streaming axis "
            + time
            + " with others; keep it as an axis of its own");
  }

  @Override
  public boolean streamsExcerpts(StreamStep step) {
    int time = step.timeAxis(0);
    return time != StreamStep.NO_TIME && sameAxis(step.inputType(0).shape(), time) < 0;
  }

  /** The axis of the result that is an axis of the operand; -1 when it is none. */
  private int sameAxis(List<Integer> from, int axis) {
    for (int target = 0; target < shape.size(); target++) {
      if (shape.get(target).equals(from.get(axis))
          && Shapes.stride(shape, target) == Shapes.stride(from, axis)) {
        return target;
      }
    }
    return -1;
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("shape: " + shape);
  }
}
