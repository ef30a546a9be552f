package org.nnirbridge.benchmark;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Random;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;
import org.nnirbridge.vm.VmOptions;

/** A virtual machine with buffers for the first model of its program. */
final class MachineStep {
  private final VirtualMachine machine;
  private final FloatBuffer[] inputs;
  private final FloatBuffer[] outputs;

  MachineStep(Program program) {
    this(program, 1, 1);
  }

  MachineStep(Program program, int threads, int streams) {
    machine = new VirtualMachine(program, new VmOptions(VmMode.BIT_ACCURATE, threads, streams));
    Model model = program.models().get(0);
    inputs = buffers(model.inputs(), streams);
    Random random = new Random(1);
    for (FloatBuffer input : inputs) {
      for (int i = 0; i < input.capacity(); i++) {
        input.put(i, (float) random.nextGaussian());
      }
    }
    outputs = buffers(model.outputs(), streams);
  }

  /** Does one inference and returns its outputs. */
  FloatBuffer[] run() {
    machine.run(0, inputs, outputs, true);
    return outputs;
  }

  private static FloatBuffer[] buffers(List<Port> ports, int streams) {
    return ports.stream()
        .map(port -> FloatBuffer.allocate(port.size() * streams))
        .toArray(FloatBuffer[]::new);
  }
}
