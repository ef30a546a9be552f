package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.tile.LstmTiles;
import org.nnirbridge.tile.Vector;
import org.nnirbridge.tile.WeightMatrix;

/**
 * The constants of one LSTM layer in one direction; the rows are the gates i, f, g, o.
 *
 * @param input of shape [4 * hidden, features]
 * @param hidden of shape [4 * hidden, hidden]
 * @param bias of shape [4 * hidden]: the sum of PyTorch's two biases
 */
public record LstmWeights(Tensor input, Tensor hidden, Tensor bias) {
  private static final int GATES = 4;

  int features() {
    return input.shape().get(1);
  }

  int hiddenSize() {
    return hidden.shape().get(1);
  }

  /** What makes one step: each gate sums its bias, the hidden part, then the input part. */
  Step lowerStep(LowerStep step) {
    List<List<WeightMatrix>> matrices = new ArrayList<>();
    List<float[]> biases = new ArrayList<>();
    for (int gate = 0; gate < GATES; gate++) {
      matrices.add(List.of(gateMatrix(step, hidden, gate), gateMatrix(step, input, gate)));
      biases.add(Arrays.copyOfRange(bias.values(), gate * hiddenSize(), (gate + 1) * hiddenSize()));
    }
    return (x, h, c) -> {
      List<Vector> gates = new ArrayList<>();
      for (int gate = 0; gate < GATES; gate++) {
        gates.add(step.tiles().gate(matrices.get(gate), List.of(h, x), biases.get(gate)));
      }
      return step.tiles().lstmUnit(gates, c);
    };
  }

  /** One step from the input, the hidden state and the cell state. */
  interface Step {
    LstmTiles apply(Vector x, Vector h, Vector c);
  }

  private WeightMatrix gateMatrix(LowerStep step, Tensor weights, int gate) {
    int columns = weights.shape().get(1);
    int size = hiddenSize() * columns;
    float[] rows = Arrays.copyOfRange(weights.values(), gate * size, (gate + 1) * size);
    return step.tiles().weights(rows, hiddenSize(), columns, step.context().fp8Weights());
  }

  List<String> attributes(NodeContext context) {
    return List.of(
        "weight_ih: " + Print.tuple(input.shape()),
        "weight_hh: " + Print.tuple(hidden.shape()),
        Print.weightPrecision(context),
        Print.bias(bias));
  }
}
