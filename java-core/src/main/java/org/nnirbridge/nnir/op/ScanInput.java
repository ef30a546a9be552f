package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/**
 * The element of a sequence that a scan has come to. What follows from it up to a {@link
 * ScanOutput} is the scan's step, done once for each element, whose states live from element to
 * element.
 */
public record ScanInput(int axis) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withShape(Shapes.without(inputs.get(0).shape(), axis));
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    throw new CompilerBug("a scan is streamed before its data dimensions are inferred");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (time == StreamStep.NO_TIME) {
      return new StreamedNode(step.constantAtOneStep(0, axis), StreamStep.NO_TIME);
    }
    if (time != axis) {
      throw step.refuse(
          "it scans axis "
              + axis
              + " of "
              + step.inputType(0).shape()
              + ", but the streaming axis is "
              + time
              + "; stream over the scanned axis, or scan with input_axis="
              + time);
    }
    return new StreamedNode(step.inputs().get(0).node(), StreamStep.NO_TIME);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    throw new CompilerBug("a scan is streamed before it is lowered");
  }

  @Override
  public OptionalInt neededStreamingAxis() {
    return OptionalInt.of(axis);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("axis: " + axis);
  }
}
