package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/**
 * The entry of a state as it was some inferences ago.
 *
 * @param age how many inferences ago, from 1 to the depth of the state
 */
public record StateRead(int state, int age, TensorType type) implements Op {
  /** The same entry of the same state under another number. */
  public StateRead of(int newState) {
    return new StateRead(newState, age, type);
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return type;
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(0, result, "a state has the data dimension of what it keeps");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    return new StreamedNode(
        step.builder().readState(state, age, step.node().context()), StreamStep.NO_TIME);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    return step.tiles().readState(state, age, type.shape(), step.dataDim(), type.format());
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of("state: " + state, "age: " + age);
  }
}
