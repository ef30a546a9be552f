package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;

/**
 * A recurrent layer over a whole sequence; features are the last axis. Its operands are the
 * sequence and, where they are computed at run time, the initial states.
 */
public sealed interface RecurrentLayer extends Op permits Lstm, Gru {
  /** Its constants. */
  RecurrentWeights cell();

  /** The states before the first step, of the input's shape without the sequence axis. */
  List<Tensor> initialStates();

  /** The same layer on a sequence without a batch axis. */
  RecurrentLayer ofOneRow(List<Tensor> initialStates);

  int sequenceAxis();

  boolean reverse();

  /** The output sequence, or a state after the last step. */
  LstmPart part();

  /** Whether the next sequence starts from the last state, so that it must be streamed. */
  boolean recurrentState();

  @Override
  default TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> shape = inputs.get(0).shape();
    int last = shape.size() - 1;
    if (last < 1 || last > 2 || shape.get(last) != cell().features()) {
      throw new UnsupportedModel(
          "needs an input of 2 or 3 axes with "
              + cell().features()
              + " features on the last, got "
              + shape);
    }
    List<Integer> sequence = Shapes.with(shape, last, cell().hiddenSize());
    return switch (part()) {
      case OUTPUT -> new TensorType(sequence, NumberFormat.BF16);
      case HIDDEN -> new TensorType(Shapes.without(sequence, sequenceAxis()), NumberFormat.BF16);
      case CELL -> new TensorType(Shapes.without(sequence, sequenceAxis()), NumberFormat.FP32);
    };
  }

  @Override
  default DataDims dataDims(List<TensorType> inputs, TensorType result) {
    int[] choice = new int[inputs.size() + 1];
    for (int i = 0; i < inputs.size(); i++) {
      choice[i] = inputs.get(i).rank() - 1;
    }
    choice[inputs.size()] = result.rank() - 1;
    return new DataDims(List.of(choice), "features are the data dimension: [* f!] -> [* h!]");
  }

  @Override
  default StreamedNode stream(StreamStep step) {
    int time = step.timeAxis(0);
    int features = step.inputType(0).rank() - 1;
    if (time == features) {
      throw step.refuseAlongTime("it contracts its features", time);
    }
    boolean overBatch = time != StreamStep.NO_TIME && time != sequenceAxis();
    if (overBatch && !recurrentState()) {
      return streamRows(step, time);
    }
    if (step.inputs().size() > 1) {
      throw step.refuse(
          "its initial state is computed at run time, and a streaming model starts once, before"
              + " its first step; give a constant one, or keep the state in a vollo_torch.nn.Scan");
    }
    if (time == StreamStep.NO_TIME && recurrentState()) {
      throw step.refuse(
          "its state goes on from step to step, but its input does not depend on the streamed"
              + " input; use torch.nn.LSTM");
    }
    if (time == StreamStep.NO_TIME) {
      return step.apply(this, time);
    }
    if (overBatch) {
      throw step.refuse(
          "the streaming axis "
              + time
              + " is its batch axis; stream over the sequence axis "
              + sequenceAxis());
    }
    if (reverse()) {
      throw step.refuse(
          "a bidirectional "
              + label().toUpperCase(Locale.ROOT)
              + " reads the sequence from its end and cannot stream; use a unidirectional one");
    }
    if (part() != LstmPart.OUTPUT) {
      throw step.refuse(
          "the state after the last step is not known while streaming; use the output sequence");
    }
    return new StreamedNode(streamCell(step), time);
  }

  /** Time is the batch axis: a step has the whole sequence of one row, which starts anew. */
  private StreamedNode streamRows(StreamStep step, int batchAxis) {
    int rowOfState = 0;
    List<Tensor> initial =
        initialStates().stream()
            .map(state -> step.atOneStep("initial state", state, rowOfState))
            .toList();
    List<Integer> operands = new ArrayList<>(List.of(step.inputs().get(0).node()));
    for (int i = 1; i < step.inputs().size(); i++) {
      operands.add(step.operandAlong(i, rowOfState));
    }
    int node = step.add(ofOneRow(initial), operands);
    return new StreamedNode(node, part() == LstmPart.OUTPUT ? batchAxis : rowOfState);
  }

  private int streamCell(StreamStep step) {
    List<Integer> declared = new ArrayList<>();
    List<Integer> operands = new ArrayList<>(List.of(step.inputs().get(0).node()));
    List<NumberFormat> formats = cell().stateFormats();
    for (int i = 0; i < formats.size(); i++) {
      Tensor initial = initialStates().get(i);
      String name = step.node().name() + (i == 0 ? "_h" : "_c");
      TensorType type = new TensorType(initial.shape(), formats.get(i));
      declared.add(step.builder().declareState(name, type, 1, initial));
    }
    declared.forEach(
        state -> operands.add(step.builder().readState(state, 1, step.node().context())));
    List<Integer> results = cell().addCell(step, operands);
    for (int i = 0; i < declared.size(); i++) {
      step.builder().setSource(declared.get(i), results.get(i + 1));
    }
    return results.get(0);
  }

  @Override
  default TileTensor lower(LowerStep step) {
    TileTensor input = step.input(0);
    int steps = input.shape().get(sequenceAxis());
    int batch = input.vectors().size() / steps;
    RecurrentWeights.Step unit = cell().lowerLayer(step);
    List<TileTensor> initial = initial(step);
    Vector[] outputs = new Vector[steps * batch];
    Vector[] last = new Vector[batch];
    for (int b = 0; b < batch; b++) {
      int row = b;
      List<Vector> states = initial.stream().map(state -> state.vectors().get(row)).toList();
      for (int s = 0; s < steps; s++) {
        int t = reverse() ? steps - 1 - s : s;
        int index = sequenceAxis() == 0 ? t * batch + b : b * steps + t;
        var stepped = unit.apply(input.vectors().get(index), states);
        outputs[index] = stepped.output();
        last[b] = part() == LstmPart.CELL ? stepped.states().get(1) : stepped.output();
        states = stepped.states();
      }
    }
    Vector[] vectors = part() == LstmPart.OUTPUT ? outputs : last;
    return new TileTensor(step.type().shape(), step.dataDim(), Arrays.asList(vectors));
  }

  private List<TileTensor> initial(LowerStep step) {
    List<TileTensor> states = new ArrayList<>();
    for (int i = 0; i < cell().stateFormats().size(); i++) {
      NumberFormat format = cell().stateFormats().get(i);
      if (step.inputs().size() > 1) {
        states.add(step.input(i + 1).map(tile -> step.tiles().convert(tile, format)));
      } else {
        Tensor tensor = initialStates().get(i);
        int features = tensor.shape().size() - 1;
        states.add(step.tiles().constant(tensor.shape(), tensor.values(), features, format));
      }
    }
    return states;
  }

  @Override
  default OptionalInt neededStreamingAxis() {
    return recurrentState() ? OptionalInt.of(sequenceAxis()) : OptionalInt.empty();
  }

  @Override
  default List<String> attributes(NodeContext context) {
    List<String> attributes = new ArrayList<>(cell().attributes(context));
    attributes.add("sequence_axis: " + sequenceAxis());
    if (reverse()) {
      attributes.add("reverse: True");
    }
    if (part() != LstmPart.OUTPUT) {
      attributes.add("part: " + part());
    }
    if (recurrentState()) {
      attributes.add("recurrent_state: True");
    }
    return attributes;
  }
}
