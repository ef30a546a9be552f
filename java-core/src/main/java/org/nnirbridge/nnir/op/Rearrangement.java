package org.nnirbridge.nnir.op;

import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.tile.TileTensor;

/**
 * An operator that computes nothing: each value of the result is one value of an operand.
 *
 * <p>Whole vectors move for free; only values that change their lane cost instructions.
 */
public sealed interface Rearrangement extends Op
    permits Transpose, Reshape, Slice, IndexSelect, Concat, Broadcast {

  /** Which operand the value at a flat index of the result comes from. */
  default int sourceInput(List<TensorType> inputs, TensorType result, int flatIndex) {
    return 0;
  }

  /** The flat index in that operand. */
  int sourceIndex(List<TensorType> inputs, TensorType result, int flatIndex);

  /** The format of the result: that of the operands. */
  static TensorType typed(List<TensorType> inputs, List<Integer> shape) {
    return inputs.get(0).withShape(shape);
  }

  @Override
  default TileTensor lower(LowerStep step) {
    List<TensorType> types =
        step.inputs().stream().map(t -> new TensorType(t.shape(), step.type().format())).toList();
    return step.tiles()
        .gather(
            step.inputs(),
            step.type().shape(),
            step.dataDim(),
            step.type().format(),
            flatIndex -> sourceInput(types, step.type(), flatIndex),
            flatIndex -> sourceIndex(types, step.type(), flatIndex));
  }

  @Override
  default Optional<Tensor> fold(List<Tensor> inputs) {
    List<TensorType> types =
        inputs.stream()
            .map(t -> new TensorType(t.shape(), NodeContext.DEFAULT.activationFormat()))
            .toList();
    TensorType result = inferType(types, NodeContext.DEFAULT);
    float[] values = new float[Shapes.size(result.shape())];
    for (int i = 0; i < values.length; i++) {
      values[i] = inputs.get(sourceInput(types, result, i)).values()[sourceIndex(types, result, i)];
    }
    return Optional.of(new Tensor(result.shape(), values));
  }
}
