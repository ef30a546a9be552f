package org.nnirbridge.api;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Objects;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.vm.VirtualMachine;
import org.nnirbridge.vm.VmMode;
import org.nnirbridge.vm.VmOptions;

/**
 * A virtual machine with a program and a state of its own for each model and stream. One thread may
 * use it at a time.
 *
 * <p>Values are float32 in row-major order. With several streams, those of each stream come one
 * after another.
 */
public final class Vm {
  private final Program program;
  private final VirtualMachine machine;
  private final boolean roundsToNearestEven;

  Vm(Program program, VmSettings settings) {
    this.program = program;
    VmMode mode = settings.bitAccurate() ? VmMode.BIT_ACCURATE : VmMode.FLOAT32;
    this.machine =
        new VirtualMachine(
            program.internal(), new VmOptions(mode, settings.threads(), settings.streams()));
    this.roundsToNearestEven = !settings.truncatesInputs();
  }

  /**
   * The program that it runs.
   *
   * @return the program
   */
  public Program program() {
    return program;
  }

  /**
   * How many streams each inference steps.
   *
   * @return at least 1
   */
  public int streams() {
    return machine.options().streams();
  }

  /**
   * One inference of the first model, which has one input and one output.
   *
   * @param input the values of the input
   * @return the values of the output, in a new array
   * @throws InvalidArgument when the model has several inputs or outputs, or takes another number
   *     of values
   */
  public float[] run(float... input) {
    Model model = program.model(0);
    if (model.inputs().size() != 1 || model.outputs().size() != 1) {
      throw new InvalidArgument(
          "model %s has %d inputs and %d outputs; run it with an array for each"
              .formatted(model.name(), model.inputs().size(), model.outputs().size()));
    }
    return run(0, List.of(Objects.requireNonNull(input, "input"))).get(0);
  }

  /**
   * One inference.
   *
   * @param modelIndex the model
   * @param inputs for each input its values
   * @return for each output its values, in new arrays
   * @throws InvalidArgument when there is no such model, or it takes other inputs
   */
  public List<float[]> run(int modelIndex, List<float[]> inputs) {
    List<FloatBuffer> outputs =
        program.model(modelIndex).outputs().stream()
            .map(port -> FloatBuffer.allocate(port.size() * streams()))
            .toList();
    List<FloatBuffer> buffers =
        Objects.requireNonNull(inputs, "inputs").stream()
            .map(input -> FloatBuffer.wrap(Objects.requireNonNull(input, "input")))
            .toList();
    run(modelIndex, buffers, outputs);
    return outputs.stream().map(FloatBuffer::array).toList();
  }

  /**
   * One inference from buffers to buffers. Their positions and limits stay as they are.
   *
   * @param modelIndex the model
   * @param inputs for each input a buffer with exactly its values between position and limit
   * @param outputs for each output a buffer with room for exactly its values there
   * @throws InvalidArgument when there is no such model, or a buffer is missing or has another
   *     number of values
   * @throws java.nio.ReadOnlyBufferException when an output's buffer cannot be written
   */
  public void run(int modelIndex, List<FloatBuffer> inputs, List<FloatBuffer> outputs) {
    Model model = program.model(modelIndex);
    machine.run(
        modelIndex,
        buffers(model, "input", model.inputs(), inputs),
        buffers(model, "output", model.outputs(), outputs),
        roundsToNearestEven);
  }

  /**
   * Does what the next inference of a model needs of its state alone, such as the products of a
   * recurrent layer's state, so that the inference takes less time once its inputs are known. Call
   * it when an inference's outputs have been used, while waiting for the next inputs; it never has
   * to be called, and changes no bit. From Python this happens by itself.
   *
   * @param modelIndex the model
   * @throws InvalidArgument when there is no such model
   */
  public void prepare(int modelIndex) {
    program.model(modelIndex);
    machine.prepare(modelIndex);
  }

  private FloatBuffer[] buffers(
      Model model, String kind, List<Port> ports, List<FloatBuffer> given) {
    Objects.requireNonNull(given, kind + "s");
    if (given.size() != ports.size()) {
      throw new InvalidArgument(
          "model %s has %d %ss, got %d".formatted(model.name(), ports.size(), kind, given.size()));
    }
    FloatBuffer[] buffers = new FloatBuffer[given.size()];
    for (int i = 0; i < buffers.length; i++) {
      int size = ports.get(i).size() * streams();
      Objects.requireNonNull(given.get(i), kind);
      if (given.get(i).remaining() != size) {
        throw new InvalidArgument(
            "model %s, %s %d: %d values are needed for shape %s and %d streams, got %d"
                .formatted(
                    model.name(),
                    kind,
                    i,
                    size,
                    ports.get(i).shape(),
                    streams(),
                    given.get(i).remaining()));
      }
      buffers[i] = given.get(i).position() == 0 ? given.get(i) : given.get(i).slice();
    }
    return buffers;
  }

  /**
   * Puts the state of a model back to its start.
   *
   * @param modelIndex the model
   * @throws InvalidArgument when there is no such model, or it was compiled without {@code
   *     generate_state_reset=True}
   */
  public void reset(int modelIndex) {
    Model model = program.model(modelIndex);
    if (!model.isResettable()) {
      throw new InvalidArgument(
          "model %s cannot be reset; compile it with generate_state_reset=True, or make a new Vm"
              .formatted(model.name()));
    }
    machine.reset(modelIndex);
  }

  /**
   * The state of all models and streams, to go on from with {@link #restore}, here or in Python.
   *
   * @return the snapshot
   */
  public byte[] snapshot() {
    return machine.snapshot();
  }

  /**
   * Goes on from a snapshot with the same bits as where it was taken.
   *
   * @param snapshot of a machine of the same program, accuracy and number of streams
   * @throws MalformedFile when it is not such a snapshot, saying why; the state is then as before
   */
  public void restore(byte[] snapshot) {
    machine.restore(Objects.requireNonNull(snapshot, "snapshot"));
  }
}
