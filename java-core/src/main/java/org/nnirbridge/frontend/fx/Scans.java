package org.nnirbridge.frontend.fx;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.ScanInput;
import org.nnirbridge.nnir.op.ScanOutput;
import org.nnirbridge.numerics.NumberFormat;

/** A scan as its step between {@link ScanInput} and {@link ScanOutput}, with states in it. */
final class Scans {
  private final ModuleCall module;
  private final Call call;
  private final List<Integer> sequences;
  private final List<Tensor> initial;

  /** What a step gave: its outputs, and the nodes that hold its new states. */
  private record StepResult(Argument outputs, List<Integer> states) {}

  private Scans(ModuleCall module) {
    this.module = module;
    this.call = module.call();
    this.sequences = tensors("xs", call.required(0, "xs"));
    this.initial =
        tensors("state", call.required(1, "state")).stream().map(this::initialState).toList();
  }

  static Argument scan(ModuleCall module) {
    if (!module.scope().isEmpty()) {
      throw module
          .call()
          .refuse(
              "a Scan in the step of another Scan ("
                  + module.scope()
                  + ") is not supported; write the inner loop out, or keep the states of both in"
                  + " one Scan");
    }
    return new Scans(module).add();
  }

  private Argument add() {
    List<TensorType> types = stateTypes();
    List<Integer> elements = new ArrayList<>();
    for (int sequence : sequences) {
      elements.add(call.add(new ScanInput(scannedAxis(sequence)), sequence));
    }
    StepResult result = step(call.builder(), module.states(), elements, types);
    if (result.outputs() instanceof Argument.Several several) {
      return Argument.Several.of(several.all().stream().map(this::output).toList());
    }
    return output(result.outputs());
  }

  private int scannedAxis(int sequence) {
    return call.axis(call.integer(2, "input_axis", 0), call.shape(sequence).size());
  }

  /**
   * Float32 within Fp32Activations, also where only the step computes the new state there. A step
   * may hand on the format of one state to another, so this is tried until it stays.
   */
  private List<TensorType> stateTypes() {
    NumberFormat format = call.context().activationFormat();
    List<TensorType> types =
        initial.stream().map(tensor -> new TensorType(tensor.shape(), format)).toList();
    while (true) {
      GraphBuilder trial = new GraphBuilder();
      List<Integer> elements =
          sequences.stream().map(sequence -> trialInput(trial, sequence)).toList();
      List<Integer> states = step(trial, new ModuleStates(), elements, types).states();
      List<TensorType> settled = new ArrayList<>();
      for (int i = 0; i < states.size(); i++) {
        boolean wide = trial.type(states.get(i)).format() == NumberFormat.FP32;
        settled.add(wide ? types.get(i).withFormat(NumberFormat.FP32) : types.get(i));
      }
      if (settled.equals(types)) {
        return types;
      }
      types = settled;
    }
  }

  private int trialInput(GraphBuilder trial, int sequence) {
    TensorType type = call.builder().type(sequence);
    TensorType element = type.withShape(Shapes.without(type.shape(), scannedAxis(sequence)));
    return trial.add(
        call.name(), new Input(0, element, OptionalInt.empty()), call.context(), List.of());
  }

  private StepResult step(
      GraphBuilder builder, ModuleStates kept, List<Integer> elements, List<TensorType> types) {
    List<Integer> declared = new ArrayList<>();
    List<Integer> read = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      String name = call.name() + "_state" + (types.size() == 1 ? "" : "_" + i);
      declared.add(builder.declareState(name, types.get(i), 1, initial.get(i)));
      read.add(builder.readState(declared.get(i), 1, call.context()));
    }
    Argument result =
        module
            .step()
            .orElseThrow(() -> call.refuse("it has no traced step"))
            .addTo(builder, kept, like(0, "xs", elements), like(1, "state", read));
    if (!(result instanceof Argument.Several pair) || pair.items().size() != 2) {
      throw call.refuse("its step must return a pair (y, new_s)");
    }
    Function<Argument, Integer> tensor = item -> node(builder, item);
    Argument states = pair.items().get(1).get();
    List<Integer> next = listed(states).stream().map(tensor).toList();
    checkStates(builder, next);
    IntStream.range(0, next.size()).forEach(i -> builder.setSource(declared.get(i), next.get(i)));
    return new StepResult(pair.items().get(0).get(), next);
  }

  private void checkStates(GraphBuilder builder, List<Integer> next) {
    if (next.size() != initial.size()) {
      throw call.refuse(
          "its step gets %d states and gives %d; give as many"
              .formatted(initial.size(), next.size()));
    }
    for (int i = 0; i < next.size(); i++) {
      List<Integer> shape = builder.type(next.get(i)).shape();
      if (!shape.equals(initial.get(i).shape())) {
        throw call.refuse(
            "state %d starts with shape %s, but its step gives it shape %s; start with that shape"
                .formatted(i, initial.get(i).shape(), shape));
      }
    }
  }

  /** Nodes in the form in which an argument was given: one tensor, or several. */
  private Argument like(int position, String keyword, List<Integer> nodes) {
    List<Argument> values =
        nodes.stream().map(node -> (Argument) new Argument.TensorValue(node)).toList();
    boolean several = call.required(position, keyword) instanceof Argument.Several;
    return several ? Argument.Several.of(values) : values.get(0);
  }

  private int node(GraphBuilder builder, Argument value) {
    if (value instanceof Argument.TensorValue tensor) {
      return tensor.node();
    }
    if (value instanceof Argument.Number number) {
      float[] single = {(float) number.value()};
      return builder.constant(call.name() + "_constant", new Tensor(List.of(), single));
    }
    throw call.refuse("its step must return tensors, or sequences of them, as y and new_s");
  }

  private Argument output(Argument value) {
    int node = node(call.builder(), value);
    int rank = call.shape(node).size();
    int stacked = call.axis(call.integer(3, "output_axis", 0), rank + 1);
    int length = call.shape(sequences.get(0)).get(scannedAxis(sequences.get(0)));
    return call.result(new ScanOutput(stacked, length), node);
  }

  private Tensor initialState(int node) {
    return call.constant(node)
        .orElseThrow(
            () ->
                call.refuse(
                    "its initial state is computed at run time; give a parameter, a buffer or a"
                        + " constant such as torch.zeros"));
  }

  private List<Integer> tensors(String keyword, Argument argument) {
    return listed(argument).stream().map(item -> call.tensor(item, keyword)).toList();
  }

  private static List<Argument> listed(Argument argument) {
    return argument instanceof Argument.Several several ? several.all() : List.of(argument);
  }
}
