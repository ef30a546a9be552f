package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;

/**
 * A tensor known at compile time. It has no data dimension of its own: each use lays it out anew.
 */
public record Constant(Tensor tensor) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return new TensorType(tensor.shape(), NumberFormat.BF16);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(0, result, "a constant takes the data dimension of its use");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    return new StreamedNode(
        step.builder().constant(step.node().name(), tensor), StreamStep.NO_TIME);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.tiles()
        .constant(tensor.shape(), tensor.values(), step.dataDim(), step.type().format());
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("shape: " + Print.tuple(tensor.shape()));
  }
}
