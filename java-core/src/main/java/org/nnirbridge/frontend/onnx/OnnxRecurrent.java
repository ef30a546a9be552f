package org.nnirbridge.frontend.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Gru;
import org.nnirbridge.nnir.op.GruWeights;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmPart;
import org.nnirbridge.nnir.op.LstmWeights;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Slice;

/** ONNX's LSTM and GRU: one layer in one or both directions. */
final class OnnxRecurrent {
  /** Where the gates i, f, g, o lie among ONNX's i, o, f, c. */
  private static final int[] LSTM_GATES = {0, 2, 3, 1};

  /** Where the gates r, z, n lie among ONNX's z, r, h. */
  private static final int[] GRU_GATES = {1, 0, 2};

  private static final int SEQUENCE_LENGTHS = 4;
  private static final int FIRST_STATE = 5;
  private static final int PEEPHOLES = 7;

  private final OnnxNode node;
  private final boolean isGru;
  private final int[] gates;
  private final int input;
  private final boolean batchFirst;
  private final int sequenceAxis;
  private final int batch;
  private final int hiddenSize;
  private final List<Boolean> reversed;

  private OnnxRecurrent(OnnxNode node, boolean isGru) {
    this.node = node;
    this.isGru = isGru;
    this.gates = isGru ? GRU_GATES : LSTM_GATES;
    this.input = node.tensor(0);
    this.batchFirst = node.integer("layout", 0) == 1;
    this.sequenceAxis = batchFirst ? 1 : 0;
    this.batch = node.shape(input).get(batchFirst ? 0 : 1);
    this.hiddenSize = node.requiredConstant(2, "recurrence weight").shape().get(2);
    String direction = node.text("direction", "forward");
    this.reversed =
        switch (direction) {
          case "forward" -> List.of(false);
          case "reverse" -> List.of(true);
          case "bidirectional" -> List.of(false, true);
          default -> throw node.refuse("direction=" + direction + " is not supported");
        };
  }

  /** Gives Y, Y_h and Y_c. */
  static Argument lstm(OnnxNode node) {
    check(node);
    if (node.integer("input_forget", 0) != 0 || node.has(PEEPHOLES)) {
      throw node.refuse("peepholes and coupled gates are not supported; use a plain LSTM");
    }
    return new OnnxRecurrent(node, false).add(LstmPart.OUTPUT, LstmPart.HIDDEN, LstmPart.CELL);
  }

  /** Gives Y and Y_h. */
  static Argument gru(OnnxNode node) {
    check(node);
    if (node.integer("linear_before_reset", 0) == 0) {
      throw node.refuse(
          "linear_before_reset=0 is not supported; use 1, which is what PyTorch's GRU computes");
    }
    return new OnnxRecurrent(node, true).add(LstmPart.OUTPUT, LstmPart.HIDDEN);
  }

  private static void check(OnnxNode node) {
    for (String attribute : List.of("activation_alpha", "activation_beta", "clip")) {
      if (node.attribute(attribute).isPresent()) {
        throw node.refuse(attribute + " is not supported; leave it out");
      }
    }
    node.attribute("activations")
        .ifPresent(
            given -> {
              List<String> names =
                  given.getStringsList().stream().map(OnnxTensors::text).distinct().toList();
              if (!names.equals(List.of("Sigmoid", "Tanh"))) {
                throw node.refuse("activations " + names + " are not supported; use the defaults");
              }
            });
    List<Integer> shape = node.shape(node.tensor(0));
    if (shape.size() != 3) {
      throw node.refuse("its input has shape " + shape + ", not three axes");
    }
    if (node.has(SEQUENCE_LENGTHS)) {
      int length = shape.get(node.integer("layout", 0) == 1 ? 1 : 0);
      for (int given : node.integers(SEQUENCE_LENGTHS, "sequence_lens")) {
        if (given != length) {
          throw node.refuse(
              "sequence_lens has %d where the sequence has %d steps; leave it out"
                  .formatted(given, length));
        }
      }
    }
  }

  private Argument add(LstmPart... parts) {
    List<Supplier<Argument>> results = new ArrayList<>();
    for (LstmPart part : parts) {
      int directionAxis = part == LstmPart.OUTPUT ? (batchFirst ? 2 : 1) : stateAxis();
      results.add(() -> joined(part, directionAxis));
    }
    return new Argument.Several(results);
  }

  /** The axis of directions in initial and last states. */
  private int stateAxis() {
    return batchFirst ? 1 : 0;
  }

  /** A part of the result of every direction, along a new axis. */
  private Argument joined(LstmPart part, int directionAxis) {
    int[] parts = new int[reversed.size()];
    for (int direction = 0; direction < parts.length; direction++) {
      int result = node.add(layer(direction, part), operands(direction));
      List<Integer> shape = new ArrayList<>(node.shape(result));
      shape.add(directionAxis, 1);
      parts[direction] = node.reshape(result, shape);
    }
    return new Argument.TensorValue(
        parts.length == 1 ? parts[0] : node.add(new Concat(directionAxis), parts));
  }

  private Op layer(int direction, LstmPart part) {
    Tensor input = matrix(node.requiredConstant(1, "weight"), direction);
    Tensor hidden = matrix(node.requiredConstant(2, "recurrence weight"), direction);
    Tensor inputBias = bias(direction, 0);
    Tensor hiddenBias = bias(direction, 1);
    boolean reverse = reversed.get(direction);
    if (isGru) {
      GruWeights weights = new GruWeights(input, hidden, inputBias, hiddenBias);
      return new Gru(weights, initial(0, direction), sequenceAxis, reverse, part);
    }
    LstmWeights weights = new LstmWeights(input, hidden, inputBias.plus(hiddenBias));
    return new Lstm(
        weights, initial(0, direction), initial(1, direction), sequenceAxis, reverse, part, false);
  }

  /** Half of the biases of a direction: those of the input, or those of the recurrence. */
  private Tensor bias(int direction, int half) {
    int size = gates.length * hiddenSize;
    if (!node.has(3)) {
      return Tensor.zeros(List.of(size));
    }
    int start = (2 * direction + half) * size;
    float[] all = node.requiredConstant(3, "bias").values();
    return gatesOf(new Tensor(List.of(size), Arrays.copyOfRange(all, start, start + size)));
  }

  /** The weights of a direction as a matrix, gates in PyTorch's order. */
  private Tensor matrix(Tensor all, int direction) {
    int columns = all.shape().get(2);
    int rows = gates.length * hiddenSize;
    int size = rows * columns;
    float[] values = Arrays.copyOfRange(all.values(), direction * size, (direction + 1) * size);
    return gatesOf(new Tensor(List.of(rows, columns), values));
  }

  private Tensor gatesOf(Tensor given) {
    int size = given.values().length / gates.length;
    float[] ordered = new float[given.values().length];
    for (int gate = 0; gate < gates.length; gate++) {
      System.arraycopy(given.values(), gates[gate] * size, ordered, gate * size, size);
    }
    return new Tensor(given.shape(), ordered);
  }

  private int states() {
    return isGru ? 1 : 2;
  }

  private boolean isComputedAtRunTime(int state) {
    return node.has(FIRST_STATE + state) && node.constant(FIRST_STATE + state).isEmpty();
  }

  /** The input, and the initial states where one of them is computed at run time. */
  private int[] operands(int direction) {
    if (IntStream.range(0, states()).noneMatch(this::isComputedAtRunTime)) {
      return new int[] {input};
    }
    int[] operands = new int[1 + states()];
    operands[0] = input;
    for (int state = 0; state < states(); state++) {
      operands[1 + state] =
          isComputedAtRunTime(state)
              ? ofDirection(node.tensor(FIRST_STATE + state), direction)
              : node.builder().constant(node.name() + "_initial", initial(state, direction));
    }
    return operands;
  }

  private int ofDirection(int all, int direction) {
    int one = node.add(new Slice(stateAxis(), direction, 1, 1), all);
    return node.reshape(one, List.of(batch, hiddenSize));
  }

  /** The initial state of a direction that is constant, or zeros. */
  private Tensor initial(int state, int direction) {
    List<Integer> shape = List.of(batch, hiddenSize);
    int operand = FIRST_STATE + state;
    if (!node.has(operand) || isComputedAtRunTime(state)) {
      return Tensor.zeros(shape);
    }
    float[] given = node.requiredConstant(operand, "initial state").values();
    // All directions, then the batch; or with layout=1 the batch first.
    float[] values = new float[Shapes.size(shape)];
    for (int i = 0; i < values.length; i++) {
      int row = i / hiddenSize;
      int source = batchFirst ? row * reversed.size() + direction : direction * batch + row;
      values[i] = given[source * hiddenSize + i % hiddenSize];
    }
    return new Tensor(shape, values);
  }
}
