package org.nnirbridge.benchmark;

import java.nio.FloatBuffer;
import java.util.List;
import org.nnirbridge.Models;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;

/** A virtual machine with buffers for the first model of its program. */
final class MachineStep {
  private final VirtualMachine machine;
  private final FloatBuffer[] inputs;
  private final FloatBuffer[] outputs;

  MachineStep(Program program) {
    machine = new VirtualMachine(program, VmMode.BIT_ACCURATE);
    Model model = program.models().get(0);
    inputs = Models.randomInputs(model, 1);
    outputs = buffers(model.outputs());
  }

  /** Does one inference and returns its outputs. */
  FloatBuffer[] run() {
    machine.run(0, inputs, outputs, true);
    return outputs;
  }

  private static FloatBuffer[] buffers(List<Port> ports) {
    return ports.stream()
        .map(port -> FloatBuffer.allocate(port.size()))
        .toArray(FloatBuffer[]::new);
  }
}
