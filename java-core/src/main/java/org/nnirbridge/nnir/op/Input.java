package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/**
 * An argument of the model.
 *
 * @param index its place among the arguments
 * @param streamingDim the time axis of the whole sequence, when one step of it is given per run
 */
public record Input(int index, TensorType type, OptionalInt streamingDim) implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return type;
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(0, result, "any axis may be the data dimension of an input");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    throw new CompilerBug("inputs are placed by the streaming transform itself");
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.tiles().input(index, type.shape(), step.dataDim(), type.format());
  }

  @Override
  public List<String> attributes(NodeContext context) {
    List<String> attributes = new ArrayList<>(List.of("index: " + index));
    streamingDim.ifPresent(dim -> attributes.add("streaming_dim: " + dim));
    return attributes;
  }
}
