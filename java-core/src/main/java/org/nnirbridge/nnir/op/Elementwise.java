package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;

/** An operator that works on each value on its own: operands and result have one shape. */
public sealed interface Elementwise extends Op
    permits Unary, Clamp, Cast, Binary, Select, BatchNorm {
  /** The rule of data dimensions, for messages. */
  String RULE = "shapes and data dimensions agree: [a b! c] -> [a b! c]";

  @Override
  default DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(inputs.size(), result, RULE);
  }

  @Override
  default StreamedNode stream(StreamStep step) {
    return step.applyElementwise(this);
  }

  @Override
  default List<String> attributes(NodeContext context) {
    return List.of();
  }

  @Override
  default boolean printsActivationPrecision() {
    return true;
  }
}
