package org.nnirbridge.program;

import java.util.List;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Window;

/**
 * What one core does in an inference of one model, and the windows that hold the model's state
 * there.
 *
 * @param layers the operators that the instructions belong to, in their order; empty when unknown
 */
public record CoreCode(
    List<Instruction> instructions,
    List<Window> windows,
    List<Descriptor> descriptors,
    List<LayerRun> layers) {
  public CoreCode(
      List<Instruction> instructions, List<Window> windows, List<Descriptor> descriptors) {
    this(instructions, windows, descriptors, List.of());
  }

  public CoreCode {
    instructions = List.copyOf(instructions);
    windows = List.copyOf(windows);
    descriptors = List.copyOf(descriptors);
    layers = List.copyOf(layers);
  }
}
