package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.LstmTiles;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/**
 * One LSTM layer in one direction over a whole sequence; features are the last axis.
 *
 * @param initialHidden the hidden state before the first step, of the input's shape without the
 *     sequence axis, with hidden features
 * @param initialCell the cell state likewise
 * @param part the output sequence, or the hidden or cell state after the last step
 * @param recurrentState whether the next sequence starts from the last state, so that it must be
 *     streamed
 */
public record Lstm(
    LstmWeights weights,
    Tensor initialHidden,
    Tensor initialCell,
    int sequenceAxis,
    boolean reverse,
    LstmPart part,
    boolean recurrentState)
    implements Op {
  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> shape = inputs.get(0).shape();
    int last = shape.size() - 1;
    if (last < 1 || last > 2 || shape.get(last) != weights.features()) {
      throw new UnsupportedModel(
          "needs an input of 2 or 3 axes with "
              + weights.features()
              + " features on the last, got "
              + shape);
    }
    List<Integer> sequence = Shapes.with(shape, last, weights.hiddenSize());
    return switch (part) {
      case OUTPUT -> new TensorType(sequence, NumberFormat.BF16);
      case HIDDEN, CELL ->
          new TensorType(Shapes.without(sequence, sequenceAxis), NumberFormat.BF16);
    };
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    return new DataDims(
        List.of(new int[] {inputs.get(0).rank() - 1, result.rank() - 1}),
        "features are the data dimension: [* f!] -> [* h!]");
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    int features = step.inputType(0).rank() - 1;
    if (time == features) {
      throw step.refuseAlongTime("it contracts its features", time);
    }
    if (time == StreamStep.NO_TIME && recurrentState) {
      throw step.refuse(
          "its state goes on from step to step, but its input does not depend on the streamed"
              + " input; use torch.nn.LSTM");
    }
    if (time == StreamStep.NO_TIME) {
      return step.apply(this, time);
    }
    if (time != sequenceAxis) {
      throw step.refuse(
          "the streaming axis "
              + time
              + " is its batch axis; stream over the sequence axis "
              + sequenceAxis);
    }
    if (reverse) {
      throw step.refuse(
          "a bidirectional LSTM reads the sequence from its end and cannot stream; use a"
              + " unidirectional one");
    }
    if (part != LstmPart.OUTPUT) {
      throw step.refuse(
          "the state after the last step is not known while streaming; use the output sequence");
    }
    return new StreamedNode(streamCell(step), time);
  }

  private int streamCell(StreamStep step) {
    List<Integer> shape = initialHidden.shape();
    String name = step.node().name();
    int hidden =
        step.builder()
            .declareState(name + "_h", new TensorType(shape, NumberFormat.BF16), 1, initialHidden);
    int cell =
        step.builder()
            .declareState(name + "_c", new TensorType(shape, NumberFormat.FP32), 1, initialCell);
    List<Integer> operands =
        List.of(
            step.inputs().get(0).node(),
            step.builder().readState(hidden, 1, step.node().context()),
            step.builder().readState(cell, 1, step.node().context()));
    int nextCell = step.add(new LstmCell(weights, LstmPart.CELL), operands);
    int nextHidden = step.add(new LstmCell(weights, LstmPart.HIDDEN), operands);
    step.builder().setSource(cell, nextCell);
    step.builder().setSource(hidden, nextHidden);
    return nextHidden;
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileTensor input = step.input(0);
    int steps = input.shape().get(sequenceAxis);
    int batch = input.vectors().size() / steps;
    boolean sequenceFirst = sequenceAxis == 0;
    TileTensor hidden = initial(step, initialHidden, NumberFormat.BF16);
    TileTensor cell = initial(step, initialCell, NumberFormat.FP32);
    LstmWeights.Step unit = weights.lowerStep(step);
    Vector[] outputs = new Vector[steps * batch];
    Vector[] last = new Vector[batch];
    for (int b = 0; b < batch; b++) {
      LstmTiles state = new LstmTiles(hidden.vectors().get(b), cell.vectors().get(b));
      for (int s = 0; s < steps; s++) {
        int t = reverse ? steps - 1 - s : s;
        int index = sequenceFirst ? t * batch + b : b * steps + t;
        state = unit.apply(input.vectors().get(index), state.hidden(), state.cell());
        outputs[index] = state.hidden();
      }
      last[b] = part == LstmPart.CELL ? state.cell() : state.hidden();
    }
    Vector[] vectors = part == LstmPart.OUTPUT ? outputs : last;
    TileTensor result = new TileTensor(step.type().shape(), step.dataDim(), Arrays.asList(vectors));
    return part == LstmPart.CELL
        ? result.map(tile -> step.tiles().convert(tile, NumberFormat.BF16))
        : result;
  }

  private static TileTensor initial(LowerStep step, Tensor tensor, NumberFormat format) {
    return step.tiles()
        .constant(tensor.shape(), tensor.values(), tensor.shape().size() - 1, format);
  }

  @Override
  public OptionalInt neededStreamingAxis() {
    return recurrentState ? OptionalInt.of(sequenceAxis) : OptionalInt.empty();
  }

  @Override
  public List<String> attributes(NodeContext context) {
    List<String> attributes = new ArrayList<>(weights.attributes(context));
    attributes.add("sequence_axis: " + sequenceAxis);
    if (reverse) {
      attributes.add("reverse: True");
    }
    if (part != LstmPart.OUTPUT) {
      attributes.add("part: " + part);
    }
    if (recurrentState) {
      attributes.add("recurrent_state: True");
    }
    return attributes;
  }
}
