package org.nnirbridge.gateway;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VirtualMachine;

/** A virtual machine that several connections may use, one at a time. */
final class VmSession {
  private final List<Integer> threads;
  private final List<StepLayout> layouts;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile VirtualMachine machine;

  VmSession(Program program, VirtualMachine machine) {
    this.machine = machine;
    int streams = machine.options().streams();
    int models = program.models().size();
    threads = IntStream.range(0, models).mapToObj(machine::threads).toList();
    layouts = program.models().stream().map(model -> StepLayout.of(model, streams)).toList();
  }

  /** For each model, how many threads share an inference of it. */
  List<Integer> threads() {
    return threads;
  }

  /** For each model, whether its next inference needs every processor, also the client's. */
  List<Boolean> crowded() {
    return IntStream.range(0, layouts.size()).mapToObj(this::isCrowded).toList();
  }

  /** Whether a model's next inference needs every processor, also the client's. */
  boolean isCrowded(int modelIndex) {
    VirtualMachine current = machine;
    return current != null && current.isCrowded(modelIndex);
  }

  List<StepLayout> layouts() {
    return layouts;
  }

  StepLayout layout(int modelIndex) {
    if (modelIndex < 0 || modelIndex >= layouts.size()) {
      throw new InvalidArgument(
          "model_index " + modelIndex + " of a program with " + layouts.size() + " models");
    }
    return layouts.get(modelIndex);
  }

  /**
   * One inference.
   *
   * @param waited how many nanoseconds the client waited for the model's last one, 0 if unknown
   */
  void run(
      int modelIndex,
      FloatBuffer[] inputs,
      FloatBuffer[] outputs,
      boolean nearestEven,
      long waited) {
    lock.lock();
    try {
      if (waited > 0) {
        machine().waited(modelIndex, waited);
      }
      machine().run(modelIndex, inputs, outputs, nearestEven);
    } finally {
      lock.unlock();
    }
  }

  /** Does what a model's next inference needs of its state alone, for whoever asks for it. */
  void prepare(int modelIndex) {
    lock.lock();
    try {
      VirtualMachine current = machine;
      if (current != null) {
        current.prepare(modelIndex);
      }
    } finally {
      lock.unlock();
    }
  }

  void reset(int modelIndex) {
    layout(modelIndex);
    lock.lock();
    try {
      machine().reset(modelIndex);
    } finally {
      lock.unlock();
    }
  }

  byte[] snapshot() {
    lock.lock();
    try {
      return machine().snapshot();
    } finally {
      lock.unlock();
    }
  }

  void restore(byte[] snapshot) {
    lock.lock();
    try {
      machine().restore(snapshot);
    } finally {
      lock.unlock();
    }
  }

  /** Runs a sequence with nobody else's inference in between. */
  StepResults runSequence(Sequence sequence) throws IOException {
    lock.lock();
    try {
      return sequence.run(machine());
    } finally {
      lock.unlock();
    }
  }

  /** Frees the machine's memory once the inference in progress, if any, is done. */
  void close() {
    machine = null;
  }

  private VirtualMachine machine() {
    VirtualMachine current = machine;
    if (current == null) {
      throw new InvalidArgument("the virtual machine has been released");
    }
    return current;
  }

  /** Several inferences on one machine. */
  interface Sequence {
    StepResults run(VirtualMachine machine) throws IOException;
  }
}
