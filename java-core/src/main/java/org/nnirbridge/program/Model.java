package org.nnirbridge.program;

import java.util.List;

/**
 * A model of a program.
 *
 * @param code for each core
 * @param resettable whether its state may be put back to what it was before the first inference
 * @param layers the operators that instructions belong to, by name; empty when unknown
 */
public record Model(
    String name,
    List<Port> inputs,
    List<Port> outputs,
    List<CoreCode> code,
    boolean resettable,
    List<String> layers) {
  public Model(
      String name, List<Port> inputs, List<Port> outputs, List<CoreCode> code, boolean resettable) {
    this(name, inputs, outputs, code, resettable, List.of());
  }

  public Model {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    code = List.copyOf(code);
    layers = List.copyOf(layers);
  }

  /** Whether an inference depends on those before it. */
  public boolean hasState() {
    return code.stream().anyMatch(core -> !core.windows().isEmpty());
  }
}
