package org.nnirbridge.program;

import java.util.List;

/**
 * A model of a program.
 *
 * @param code for each core
 * @param resettable whether its state may be put back to what it was before the first inference
 */
public record Model(
    String name, List<Port> inputs, List<Port> outputs, List<CoreCode> code, boolean resettable) {
  public Model {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    code = List.copyOf(code);
  }
}
