package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/** The results of a scan's step, stacked along an axis. */
public record ScanOutput(int axis, int length) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> shape = new ArrayList<>(inputs.get(0).shape());
    shape.add(axis, length);
    return inputs.get(0).withShape(shape);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    throw new CompilerBug("a scan is streamed before its data dimensions are inferred");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    return new StreamedNode(step.inputs().get(0).node(), axis);
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
    return List.of("axis: " + axis, "length: " + length);
  }
}
