package org.nnirbridge.program;

import java.util.List;

/**
 * A model of a program.
 *
 * @param code for each core
 */
public record Model(String name, List<Port> inputs, List<Port> outputs, List<CoreCode> code) {
  public Model {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
    code = List.copyOf(code);
  }
}
