package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.LstmTiles;
import org.nnirbridge.tile.TileBuilder;
import org.nnirbridge.tile.Vector;
import org.nnirbridge.tile.WeightMatrix;

/**
 * The constants of one LSTM layer in one direction; the rows are the gates i, f, g, o.
 *
 * @param input of shape [4 * hidden, features]
 * @param hidden of shape [4 * hidden, hidden]
 * @param bias of shape [4 * hidden]: the sum of PyTorch's two biases
 */
public record LstmWeights(Tensor input, Tensor hidden, Tensor bias) implements RecurrentWeights {
  private static final int GATES = 4;

  /**
   * What makes one step: each gate is the sum of its bias and hidden part, plus that of its input
   * part.
   */
  CellStep lowerStep(LowerStep step) {
    int tail = step.tiles().packsWeights() ? hiddenSize() % step.tiles().blockSize() : 0;
    int whole = hiddenSize() - tail;
    List<Sum> gates = new ArrayList<>();
    for (int gate = 0; whole > 0 && gate < GATES; gate++) {
      gates.add(sum(step, List.of(gate), 0, whole));
    }
    Optional<Sum> packed =
        tail == 0 ? Optional.empty() : Optional.of(sum(step, List.of(0, 1, 2, 3), whole, tail));
    return (x, h, c) -> {
      List<Vector> sums =
          new ArrayList<>(gates.stream().map(gate -> gate.lower(step.tiles(), x, h)).toList());
      packed
          .map(sum -> sum.lower(step.tiles(), x, h))
          .ifPresent(sum -> appendTails(step.tiles(), sums, sum, tail));
      return step.tiles().lstmUnit(sums, c);
    };
  }

  /** The sums of some rows: their weights for the hidden state and the input, and their biases. */
  private record Sum(WeightMatrix hidden, WeightMatrix input, float[] bias) {
    Vector lower(TileBuilder tiles, Vector x, Vector h) {
      return tiles.gate(hidden, h, input, x, bias);
    }
  }

  /** Rows of some gates, from the same place in each. */
  private Sum sum(LowerStep step, List<Integer> gates, int first, int rows) {
    return new Sum(
        gateMatrix(step, hidden, gates, first, rows),
        gateMatrix(step, input, gates, first, rows),
        gateRows(bias, gates, first, rows));
  }

  /** Completes the gates by their last lanes, which one vector holds side by side. */
  private static void appendTails(TileBuilder tiles, List<Vector> gates, Vector tails, int lanes) {
    for (int gate = 0; gate < GATES; gate++) {
      Vector tail = tiles.slice(tails, gate * lanes, lanes);
      if (gates.size() <= gate) {
        gates.add(tail);
      } else {
        gates.set(gate, gates.get(gate).append(tail));
      }
    }
  }

  /** One step from the input, the hidden state and the cell state. */
  interface CellStep {
    LstmTiles apply(Vector x, Vector h, Vector c);
  }

  @Override
  public Step lowerLayer(LowerStep step) {
    CellStep unit = lowerStep(step);
    return (x, states) -> {
      LstmTiles after = unit.apply(x, states.get(0), states.get(1));
      return new Stepped(after.hidden(), List.of(after.hidden(), after.cell()));
    };
  }

  @Override
  public List<NumberFormat> stateFormats() {
    return List.of(NumberFormat.BF16, NumberFormat.FP32);
  }

  @Override
  public List<Integer> addCell(StreamStep step, List<Integer> operands) {
    int cell = step.add(new LstmCell(this, LstmPart.CELL), operands);
    int hidden = step.add(new LstmCell(this, LstmPart.HIDDEN), operands);
    return List.of(hidden, hidden, cell);
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of(
        "weight_ih: " + Print.tuple(input.shape()),
        "weight_hh: " + Print.tuple(hidden.shape()),
        Print.weightPrecision(context),
        Print.bias(bias));
  }
}
