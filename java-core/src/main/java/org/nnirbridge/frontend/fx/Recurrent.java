package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Cast;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Gru;
import org.nnirbridge.nnir.op.GruCell;
import org.nnirbridge.nnir.op.GruWeights;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmCell;
import org.nnirbridge.nnir.op.LstmPart;
import org.nnirbridge.nnir.op.LstmWeights;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Slice;
import org.nnirbridge.numerics.NumberFormat;

/** PyTorch's LSTM and GRU as one NNIR node for each layer, direction and result. */
final class Recurrent {
  private final ModuleCall module;
  private final Call call;
  private final String prefix;
  private final boolean recurrentState;
  private final boolean isGru;
  private final int sequenceAxis;
  private final int directions;
  private final int layers;

  private Recurrent(ModuleCall module, String prefix, boolean recurrentState) {
    this.module = module;
    this.call = module.call();
    this.prefix = prefix;
    this.recurrentState = recurrentState;
    this.isGru = call.target().equals("GRU");
    int rank = call.shape(call.tensor(0, "input")).size();
    this.sequenceAxis = rank == 3 && module.flag("batch_first") ? 1 : 0;
    this.directions = module.flag("bidirectional") ? 2 : 1;
    this.layers = module.integer("num_layers", 1);
  }

  /** Adds an LSTM whose parameters have a prefix; gives (output, (h_n, c_n)). */
  static Argument lstm(ModuleCall module, String prefix) {
    return new Recurrent(module, prefix, false).add();
  }

  /** Adds an LSTM whose state goes on from call to call; gives its output. */
  static Argument recurrentStateLstm(ModuleCall module) {
    Call call = module.call();
    if (!module.scope().isEmpty()) {
      throw call.refuse(
          "its sequence would begin anew at each element of the scan; use vollo_torch.nn.LSTMCell");
    }
    if (!module.states().claim(module.instance())) {
      throw call.refuse(
          "it is called a second time, and would go on from the end of the first sequence, which is"
              + " not known while streaming; use a second module");
    }
    return firstOf(new Recurrent(module, "lstm.", true).add());
  }

  /** Adds an LSTM; gives its output. */
  static Argument outputOfLstm(ModuleCall module) {
    return firstOf(lstm(module, "lstm."));
  }

  private static Argument firstOf(Argument results) {
    return ((Argument.Several) results).items().get(0).get();
  }

  /**
   * Adds one step of an LSTM whose cell state carries from call to call; gives the hidden state.
   */
  static Argument cell(ModuleCall module) {
    Call call = module.call();
    int x = call.tensor(0, "x");
    int hidden = call.tensor(1, "hidden_state");
    List<Integer> shape = call.shape(hidden);
    int batch = module.integer("batch_size", 0);
    if (batch != 0 && (shape.size() != 2 || shape.get(0) != batch)) {
      throw call.refuse(
          "batch_size="
              + batch
              + " does not fit the hidden state of shape "
              + shape
              + "; give it the shape (batch_size, hidden_size)");
    }
    LstmWeights weights = Weights.of(module, "cell.", "").lstm();
    int cell =
        module.states().read(module, new TensorType(shape, NumberFormat.FP32), Tensor.zeros(shape));
    List<Integer> operands = List.of(x, hidden, cell);
    module.states().write(module, call.add(new LstmCell(weights, LstmPart.CELL), operands));
    return call.result(new LstmCell(weights, LstmPart.HIDDEN), operands);
  }

  /** Adds a GRU; gives (output, h_n). */
  static Argument gru(ModuleCall module) {
    return lstm(module, "");
  }

  /** {@code torch.nn.LSTMCell}, whose states are the caller's; gives (h, c). */
  static Argument explicitLstmCell(ModuleCall module) {
    Call call = module.call();
    int x = call.tensor(0, "input");
    LstmWeights weights = Weights.of(module, "", "").lstm();
    List<Integer> operands = new ArrayList<>(List.of(x));
    Argument given = call.argument(1, "hx").orElse(new Argument.None());
    if (given instanceof Argument.Several states && states.items().size() == 2) {
      states.all().forEach(state -> operands.add(call.tensor(state, "hx")));
    } else if (given instanceof Argument.None) {
      operands.addAll(Collections.nCopies(2, zeros(call, x, weights.hidden())));
    } else {
      throw call.refuse("its state must be a pair (h, c)");
    }
    Supplier<Argument> hidden = () -> call.result(new LstmCell(weights, LstmPart.HIDDEN), operands);
    Supplier<Argument> cell = () -> call.result(new LstmCell(weights, LstmPart.CELL), operands);
    return new Argument.Several(List.of(hidden, cell));
  }

  /** {@code torch.nn.GRUCell}, whose state is the caller's; gives h. */
  static Argument explicitGruCell(ModuleCall module) {
    Call call = module.call();
    int x = call.tensor(0, "input");
    GruWeights weights = Weights.of(module, "", "").gru();
    Argument given = call.argument(1, "hx").orElse(new Argument.None());
    int before =
        given instanceof Argument.None
            ? zeros(call, x, weights.hidden())
            : call.tensor(given, "hx");
    int state = call.add(new GruCell(weights), x, before);
    return call.result(new Cast(NumberFormat.BF16), state);
  }

  private static int zeros(Call call, int x, Tensor hiddenWeight) {
    List<Integer> shape = call.shape(x);
    List<Integer> state = Shapes.with(shape, shape.size() - 1, hiddenWeight.shape().get(1));
    return call.builder().constant(call.name() + "_zeros", Tensor.zeros(state));
  }

  private Argument add() {
    if (module.integer("proj_size", 0) != 0) {
      throw call.refuse(
          "proj_size="
              + module.integer("proj_size", 0)
              + " is not supported; use a Linear after it");
    }
    if (module.flag("training") && module.number("dropout", 0f) > 0f && layers > 1) {
      throw call.refuse("dropout is active in training mode; call model.eval() first");
    }
    int sequence = call.tensor(0, "input");
    List<Function<LstmPart, Integer>> parts = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      List<Integer> outputs = new ArrayList<>();
      for (int direction = 0; direction < directions; direction++) {
        Function<LstmPart, Integer> part = layer(sequence, layer, direction);
        parts.add(part);
        outputs.add(part.apply(LstmPart.OUTPUT));
      }
      int last = call.shape(sequence).size() - 1;
      sequence = directions == 1 ? outputs.get(0) : call.add(new Concat(last), outputs);
    }
    Argument output = new Argument.TensorValue(sequence);
    Supplier<Argument> hidden = () -> last(parts, LstmPart.HIDDEN);
    if (isGru) {
      return new Argument.Several(List.of(() -> output, hidden));
    }
    Supplier<Argument> cell = () -> last(parts, LstmPart.CELL);
    Argument state = new Argument.Several(List.of(hidden, cell));
    return Argument.Several.of(List.of(output, state));
  }

  private Function<LstmPart, Integer> layer(int input, int layer, int direction) {
    String suffix = "_l" + layer + (direction == 1 ? "_reverse" : "");
    Weights weights = Weights.of(module, prefix, suffix);
    List<Integer> shape = call.shape(input);
    List<Integer> step =
        Shapes.with(
            Shapes.without(shape, sequenceAxis), shape.size() - 2, weights.hidden().shape().get(1));
    int index = layer * directions + direction;
    if (given().stream().anyMatch(node -> call.constant(node).isEmpty())) {
      List<Integer> operands = new ArrayList<>(List.of(input));
      given().forEach(node -> operands.add(runTimeInitial(node, step, index)));
      return part -> call.add(layer(weights, zeros(step), direction == 1, part), operands);
    }
    List<Tensor> initial =
        IntStream.range(0, states()).mapToObj(s -> initial(s, step, index)).toList();
    return part -> call.add(layer(weights, initial, direction == 1, part), input);
  }

  private int states() {
    return isGru ? 1 : 2;
  }

  private List<Tensor> zeros(List<Integer> shape) {
    return Collections.nCopies(states(), Tensor.zeros(shape));
  }

  private Op layer(Weights weights, List<Tensor> initial, boolean reverse, LstmPart part) {
    if (isGru) {
      return new Gru(weights.gru(), initial.get(0), sequenceAxis, reverse, part);
    }
    return new Lstm(
        weights.lstm(),
        initial.get(0),
        initial.get(1),
        sequenceAxis,
        reverse,
        part,
        recurrentState);
  }

  private int runTimeInitial(int states, List<Integer> shape, int index) {
    int one = call.add(new Slice(0, index, 1, 1), states);
    return call.reshape(one, shape);
  }

  /** The parameters of a layer in one direction; a bias that it does not have is zeros. */
  private record Weights(Tensor input, Tensor hidden, Tensor inputBias, Tensor hiddenBias) {
    static Weights of(ModuleCall module, String prefix, String suffix) {
      Tensor input = module.parameter(prefix + "weight_ih" + suffix);
      Tensor zeros = Tensor.zeros(input.shape().subList(0, 1));
      return new Weights(
          input,
          module.parameter(prefix + "weight_hh" + suffix),
          module.optionalParameter(prefix + "bias_ih" + suffix).orElse(zeros),
          module.optionalParameter(prefix + "bias_hh" + suffix).orElse(zeros));
    }

    LstmWeights lstm() {
      return new LstmWeights(input, hidden, inputBias.plus(hiddenBias));
    }

    GruWeights gru() {
      return new GruWeights(input, hidden, inputBias, hiddenBias);
    }
  }

  /** The given initial state of a layer, or zeros. */
  private Tensor initial(int which, List<Integer> shape, int index) {
    Optional<Tensor> states =
        recurrentState
            ? module.optionalParameter(which == 0 ? "init_h" : "init_c")
            : given().stream().skip(which).findFirst().flatMap(call::constant);
    if (states.isEmpty()) {
      return Tensor.zeros(shape);
    }
    int size = Shapes.size(shape);
    if (states.get().values().length != size * layers * directions) {
      throw call.refuse(
          "its initial state has shape " + states.get().shape() + ", which does not fit " + shape);
    }
    return new Tensor(
        shape, Arrays.copyOfRange(states.get().values(), index * size, (index + 1) * size));
  }

  /** The initial states that the call gives: none, h_0, or (h_0, c_0). */
  private List<Integer> given() {
    Optional<Argument> given = call.argument(1, "hx");
    if (recurrentState || given.isEmpty() || given.get() instanceof Argument.None) {
      return List.of();
    }
    if (isGru) {
      return List.of(call.tensor(given.get(), "hx"));
    }
    if (!(given.get() instanceof Argument.Several states) || states.items().size() != 2) {
      throw call.refuse("its initial state must be a pair (h_0, c_0)");
    }
    return states.all().stream().map(state -> call.tensor(state, "hx")).toList();
  }

  private Argument last(List<Function<LstmPart, Integer>> parts, LstmPart part) {
    List<Integer> states = new ArrayList<>();
    for (Function<LstmPart, Integer> ofLayer : parts) {
      int state = ofLayer.apply(part);
      List<Integer> shape = new ArrayList<>(call.shape(state));
      shape.add(0, 1);
      states.add(call.reshape(state, shape));
    }
    return new Argument.TensorValue(
        states.size() == 1 ? states.get(0) : call.add(new Concat(0), states));
  }
}
