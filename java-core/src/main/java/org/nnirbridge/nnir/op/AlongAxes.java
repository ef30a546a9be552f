package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.TensorType;

/** An operator whose results each follow from all values along some axes. */
public sealed interface AlongAxes extends Op permits Reduce, Softmax, RmsNorm, LayerNorm {
  List<Integer> axes();

  /** The same operator along other axes. */
  AlongAxes withAxes(List<Integer> axes);

  /** What it does along its axes, for messages: {@code it sums}. */
  String action();

  /** The number of values along the axes. */
  default int count(List<Integer> shape) {
    return axes().stream().mapToInt(shape::get).reduce(1, Math::multiplyExact);
  }

  @Override
  default TensorType inferType(List<TensorType> inputs, NodeContext context) {
    return inputs.get(0).withFormat(context.activationFormat());
  }

  @Override
  default DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return DataDims.same(
        1, result, "the data dimension stays: over it [a b!] -> [a 1!], over another [1 b!]");
  }

  @Override
  default StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    if (axes().contains(time)) {
      throw step.refuseAlongTime(action(), time);
    }
    List<Integer> stepAxes =
        axes().stream().map(axis -> StreamStep.axisWithoutTime(axis, time)).toList();
    return step.apply(withAxes(stepAxes), time);
  }

  @Override
  default boolean printsActivationPrecision() {
    return true;
  }
}
