package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.Vector;
import org.nnirbridge.tile.WeightMatrix;

/** The constants of one recurrent layer in one direction, and what a step of it does. */
sealed interface RecurrentWeights permits LstmWeights, GruWeights {
  /** Of shape [gates * hidden, features]. */
  Tensor input();

  /** Of shape [gates * hidden, hidden]. */
  Tensor hidden();

  default int features() {
    return input().shape().get(1);
  }

  default int hiddenSize() {
    return hidden().shape().get(1);
  }

  /** Rows of some gates, from the same place in each, of a tensor with the rows of all gates. */
  default float[] gateRows(Tensor tensor, List<Integer> gates, int first, int rows) {
    int columns = tensor.values().length / tensor.shape().get(0);
    float[] chosen = new float[gates.size() * rows * columns];
    for (int i = 0; i < gates.size(); i++) {
      int from = (gates.get(i) * hiddenSize() + first) * columns;
      System.arraycopy(tensor.values(), from, chosen, i * rows * columns, rows * columns);
    }
    return chosen;
  }

  /** The matrix of such rows, to be stored as the context of the layer says. */
  default WeightMatrix gateMatrix(
      LowerStep step, Tensor weights, List<Integer> gates, int first, int rows) {
    return step.tiles()
        .weights(
            gateRows(weights, gates, first, rows),
            gates.size() * rows,
            weights.shape().get(1),
            step.context().fp8Weights());
  }

  /** What makes one step. */
  Step lowerLayer(LowerStep step);

  /** The format of each state, as it is kept from step to step; the hidden state is the first. */
  List<NumberFormat> stateFormats();

  /**
   * Adds one step to a streaming graph.
   *
   * @param operands the input and the states
   * @return the output (BF16), then the new states
   */
  List<Integer> addCell(StreamStep step, List<Integer> operands);

  List<String> attributes(NodeContext context);

  /** One step from the input and the states. */
  interface Step {
    Stepped apply(Vector x, List<Vector> states);
  }

  /** The output (BF16) and the states after a step. */
  record Stepped(Vector output, List<Vector> states) {}
}
