package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmPart;
import org.nnirbridge.nnir.op.LstmWeights;

/** PyTorch's LSTM as one NNIR node for each layer, direction and result. */
final class Recurrent {
  private final ModuleCall module;
  private final Call call;
  private final String prefix;
  private final int sequenceAxis;
  private final int directions;
  private final int layers;

  private Recurrent(ModuleCall module, String prefix) {
    this.module = module;
    this.call = module.call();
    this.prefix = prefix;
    int rank = call.shape(call.tensor(0, "input")).size();
    this.sequenceAxis = rank == 3 && module.flag("batch_first") ? 1 : 0;
    this.directions = module.flag("bidirectional") ? 2 : 1;
    this.layers = module.integer("num_layers", 1);
  }

  /** Adds an LSTM whose parameters have a prefix; gives (output, (h_n, c_n)). */
  static Argument lstm(ModuleCall module, String prefix) {
    return new Recurrent(module, prefix).add();
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
    Supplier<Argument> cell = () -> last(parts, LstmPart.CELL);
    Argument state = new Argument.Several(List.of(hidden, cell));
    return Argument.Several.of(List.of(output, state));
  }

  private Function<LstmPart, Integer> layer(int input, int layer, int direction) {
    String suffix = "_l" + layer + (direction == 1 ? "_reverse" : "");
    Tensor weightInput = module.parameter(prefix + "weight_ih" + suffix);
    Tensor weightHidden = module.parameter(prefix + "weight_hh" + suffix);
    Optional<Tensor> biasInput = module.optionalParameter(prefix + "bias_ih" + suffix);
    Optional<Tensor> biasHidden = module.optionalParameter(prefix + "bias_hh" + suffix);
    Tensor bias =
        biasInput.isPresent() && biasHidden.isPresent()
            ? biasInput.get().plus(biasHidden.get())
            : Tensor.zeros(weightInput.shape().subList(0, 1));
    LstmWeights weights = new LstmWeights(weightInput, weightHidden, bias);
    List<Integer> shape = call.shape(input);
    List<Integer> step =
        Shapes.with(
            Shapes.without(shape, sequenceAxis), shape.size() - 2, weightHidden.shape().get(1));
    Tensor hidden = initial(0, step, layer * directions + direction);
    Tensor cell = initial(1, step, layer * directions + direction);
    return part ->
        call.add(new Lstm(weights, hidden, cell, sequenceAxis, direction == 1, part), input);
  }

  /** The given initial state of a layer, or zeros. */
  private Tensor initial(int which, List<Integer> shape, int index) {
    Optional<Argument> given = call.argument(1, "hx");
    if (given.isEmpty() || given.get() instanceof Argument.None) {
      return Tensor.zeros(shape);
    }
    if (!(given.get() instanceof Argument.Several states) || states.items().size() != 2) {
      throw call.refuse("its initial state must be a pair (h_0, c_0)");
    }
    int node = call.tensor(states.items().get(which).get(), "hx");
    Tensor tensor =
        call.constant(node)
            .orElseThrow(
                () ->
                    call.refuse(
                        "its initial state is computed at run time; give parameters or buffers"));
    int size = Shapes.size(shape);
    if (tensor.values().length != size * layers * directions) {
      throw call.refuse(
          "its initial state has shape " + tensor.shape() + ", which does not fit " + shape);
    }
    return new Tensor(shape, Arrays.copyOfRange(tensor.values(), index * size, (index + 1) * size));
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
