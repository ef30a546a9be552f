package org.nnirbridge.frontend.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.nnirbridge.frontend.fx.Argument;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmPart;
import org.nnirbridge.nnir.op.LstmWeights;

/** ONNX's LSTM: one layer in one or both directions. */
final class OnnxLstm {
  /** Where the gates i, f, g, o lie among ONNX's i, o, f, c. */
  private static final int[] GATES = {0, 2, 3, 1};

  private final OnnxNode node;
  private final int input;
  private final int sequenceAxis;
  private final int batch;
  private final int hiddenSize;
  private final List<Boolean> reversed;

  private OnnxLstm(OnnxNode node) {
    this.node = node;
    this.input = node.tensor(0);
    boolean batchFirst = node.integer("layout", 0) == 1;
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
    for (String attribute : List.of("activation_alpha", "activation_beta", "clip")) {
      if (node.attribute(attribute).isPresent()) {
        throw node.refuse(attribute + " is not supported; leave it out");
      }
    }
    if (node.integer("input_forget", 0) != 0 || node.has(7)) {
      throw node.refuse("peepholes and coupled gates are not supported; use a plain LSTM");
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
    if (node.shape(node.tensor(0)).size() != 3) {
      throw node.refuse("its input has shape " + node.shape(node.tensor(0)) + ", not three axes");
    }
    return new OnnxLstm(node).add();
  }

  private Argument add() {
    int stateAxis = sequenceAxis == 0 ? 0 : 1;
    Supplier<Argument> sequence = () -> joined(LstmPart.OUTPUT, sequenceAxis == 0 ? 1 : 2);
    Supplier<Argument> hidden = () -> joined(LstmPart.HIDDEN, stateAxis);
    Supplier<Argument> cell = () -> joined(LstmPart.CELL, stateAxis);
    return new Argument.Several(List.of(sequence, hidden, cell));
  }

  /** A part of the result of every direction, along a new axis. */
  private Argument joined(LstmPart part, int directionAxis) {
    int[] parts = new int[reversed.size()];
    for (int direction = 0; direction < parts.length; direction++) {
      int result =
          node.add(
              new Lstm(
                  weights(direction),
                  initial(5, direction),
                  initial(6, direction),
                  sequenceAxis,
                  reversed.get(direction),
                  part,
                  false),
              input);
      List<Integer> shape = new ArrayList<>(node.shape(result));
      shape.add(directionAxis, 1);
      parts[direction] = node.reshape(result, shape);
    }
    return new Argument.TensorValue(
        parts.length == 1 ? parts[0] : node.add(new Concat(directionAxis), parts));
  }

  private LstmWeights weights(int direction) {
    Tensor input = matrix(node.requiredConstant(1, "weight"), direction);
    Tensor hidden = matrix(node.requiredConstant(2, "recurrence weight"), direction);
    List<Integer> shape = List.of(4 * hiddenSize);
    if (!node.has(3)) {
      return new LstmWeights(input, hidden, Tensor.zeros(shape));
    }
    float[] both = node.requiredConstant(3, "bias").values();
    int start = direction * 8 * hiddenSize;
    Tensor ofInput = new Tensor(shape, Arrays.copyOfRange(both, start, start + 4 * hiddenSize));
    Tensor ofHidden =
        new Tensor(shape, Arrays.copyOfRange(both, start + 4 * hiddenSize, start + 8 * hiddenSize));
    return new LstmWeights(input, hidden, gatesOf(ofInput).plus(gatesOf(ofHidden)));
  }

  /** The weights of a direction as a matrix, gates in the order i, f, g, o. */
  private Tensor matrix(Tensor all, int direction) {
    int columns = all.shape().get(2);
    int size = 4 * hiddenSize * columns;
    float[] values = Arrays.copyOfRange(all.values(), direction * size, (direction + 1) * size);
    return gatesOf(new Tensor(List.of(4 * hiddenSize, columns), values));
  }

  private Tensor gatesOf(Tensor gates) {
    int size = gates.values().length / GATES.length;
    float[] ordered = new float[gates.values().length];
    for (int gate = 0; gate < GATES.length; gate++) {
      System.arraycopy(gates.values(), GATES[gate] * size, ordered, gate * size, size);
    }
    return new Tensor(gates.shape(), ordered);
  }

  private Tensor initial(int operand, int direction) {
    List<Integer> shape = List.of(batch, hiddenSize);
    Optional<Tensor> given =
        node.has(operand)
            ? Optional.of(node.requiredConstant(operand, "initial state"))
            : Optional.empty();
    if (given.isEmpty()) {
      return Tensor.zeros(shape);
    }
    // All directions, then the batch; or with layout=1 the batch first.
    int size = Shapes.size(shape);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      int row = i / hiddenSize;
      int source = sequenceAxis == 0 ? direction * batch + row : row * reversed.size() + direction;
      values[i] = given.get().values()[source * hiddenSize + i % hiddenSize];
    }
    return new Tensor(shape, values);
  }
}
