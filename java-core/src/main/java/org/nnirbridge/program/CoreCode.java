package org.nnirbridge.program;

import java.util.List;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Window;

/**
 * What one core does in an inference of one model, and the windows that hold the model's state
 * there.
 */
public record CoreCode(
    List<Instruction> instructions, List<Window> windows, List<Descriptor> descriptors) {
  public CoreCode {
    instructions = List.copyOf(instructions);
    windows = List.copyOf(windows);
    descriptors = List.copyOf(descriptors);
  }
}
