package org.nnirbridge.nnir.op;

import java.util.List;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.tile.TileArithmetic;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;
import org.nnirbridge.tile.WeightMatrix;

/**
 * The constants of one GRU layer in one direction; the rows are the gates r, z, n.
 *
 * @param input of shape [3 * hidden, features]
 * @param hidden of shape [3 * hidden, hidden]
 * @param inputBias of shape [3 * hidden]
 * @param hiddenBias of shape [3 * hidden]
 */
public record GruWeights(Tensor input, Tensor hidden, Tensor inputBias, Tensor hiddenBias)
    implements RecurrentWeights {
  @Override
  public List<NumberFormat> stateFormats() {
    return List.of(NumberFormat.FP32);
  }

  @Override
  public List<Integer> addCell(StreamStep step, List<Integer> operands) {
    int state = step.add(new GruCell(this), operands);
    return List.of(step.add(new Cast(NumberFormat.BF16), List.of(state)), state);
  }

  /** The sums stay on accumulators, the arithmetic after them is float32 (numerics.md §7). */
  @Override
  public Step lowerLayer(LowerStep step) {
    WeightMatrix[] x = new WeightMatrix[3];
    WeightMatrix[] h = new WeightMatrix[3];
    for (int gate = 0; gate < x.length; gate++) {
      x[gate] = gateMatrix(step, input, List.of(gate), 0, hiddenSize());
      h[gate] = gateMatrix(step, hidden, List.of(gate), 0, hiddenSize());
    }
    Tensor both = inputBias.plus(hiddenBias);
    return (in, states) -> {
      Vector before = states.get(0);
      Vector reset = step.tiles().gate(h[0], before, x[0], in, part(both, 0));
      Vector update = step.tiles().gate(h[1], before, x[1], in, part(both, 1));
      Vector recalled = step.tiles().gate(h[2], before, part(hiddenBias, 2));
      Vector fresh = step.tiles().gate(x[2], in, part(inputBias, 2));
      Vector after = unit(step, reset, update, recalled, fresh, before);
      Vector output =
          new Vector(
              after.tiles().stream()
                  .map(tile -> step.tiles().convert(tile, NumberFormat.BF16))
                  .toList(),
              after.lanes());
      return new Stepped(output, List.of(after));
    };
  }

  private static Vector unit(
      LowerStep step, Vector reset, Vector update, Vector recalled, Vector fresh, Vector before) {
    TileArithmetic arithmetic = step.arithmetic();
    NumberFormat fp32 = NumberFormat.FP32;
    TileTensor r = arithmetic.map(UnaryFunction.SIGMOID, tensor(reset), fp32);
    TileTensor z = arithmetic.map(UnaryFunction.SIGMOID, tensor(update), fp32);
    TileTensor sum = arithmetic.multiplyAdd(r, tensor(recalled), tensor(fresh), fp32);
    TileTensor n = arithmetic.map(UnaryFunction.TANH, sum, fp32);
    TileTensor difference = arithmetic.zip(BinaryFunction.SUB, tensor(before), n, fp32);
    return arithmetic.multiplyAdd(z, difference, n, fp32).vectors().get(0);
  }

  private static TileTensor tensor(Vector vector) {
    return new TileTensor(List.of(vector.lanes()), 0, List.of(vector));
  }

  private float[] part(Tensor bias, int gate) {
    return gateRows(bias, List.of(gate), 0, hiddenSize());
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return List.of(
        "weight_ih: " + Print.tuple(input.shape()),
        "weight_hh: " + Print.tuple(hidden.shape()),
        Print.weightPrecision(context),
        Print.bias(inputBias));
  }
}
