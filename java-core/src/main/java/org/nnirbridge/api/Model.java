package org.nnirbridge.api;

import java.util.List;

/**
 * A model of a program.
 *
 * @param name the name it was compiled with
 * @param inputs its inputs, in the order of the model's arguments
 * @param outputs its outputs, in their order
 * @param isResettable whether {@link Vm#reset} can put its state back to its start
 */
public record Model(String name, List<Port> inputs, List<Port> outputs, boolean isResettable) {
  /**
   * Makes the lists unmodifiable.
   *
   * @param name see above
   * @param inputs see above
   * @param outputs see above
   * @param isResettable see above
   */
  public Model {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }
}
