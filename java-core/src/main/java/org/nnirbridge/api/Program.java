package org.nnirbridge.api;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.latency.LatencyEstimator;
import org.nnirbridge.program.Metrics;
import org.nnirbridge.program.ProgramReader;

/**
 * A compiled program: one or more models for a board. Immutable; may be used by any number of
 * threads, and all its machines share its weights.
 */
public final class Program {
  private static final int LINK_CAPACITY = 32;
  private static final int OUTPUT_CAPACITY = 64;

  private final org.nnirbridge.program.Program program;
  private final List<Model> models;

  private Program(org.nnirbridge.program.Program program) {
    this.program = program;
    this.models = program.models().stream().map(Program::described).toList();
  }

  /**
   * Reads a program from a file; reading runs no code from it.
   *
   * @param file what {@code Program.save} wrote in Python
   * @return the program
   * @throws IOException when the file cannot be read
   * @throws MalformedProgram when it is not a valid program, saying where
   */
  public static Program load(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(Objects.requireNonNull(file, "file"));
    try {
      return fromBytes(bytes);
    } catch (MalformedProgram e) {
      throw new MalformedProgram(file + ": " + e.getMessage());
    }
  }

  /**
   * Reads a program from the bytes of a program file.
   *
   * @param bytes the content of the file
   * @return the program
   * @throws MalformedProgram when they are not a valid program, saying where
   */
  public static Program fromBytes(byte[] bytes) {
    return new Program(ProgramReader.fromBytes(Objects.requireNonNull(bytes, "bytes")));
  }

  private static Model described(org.nnirbridge.program.Model model) {
    return new Model(
        model.name(),
        model.inputs().stream().map(Program::described).toList(),
        model.outputs().stream().map(Program::described).toList(),
        model.resettable());
  }

  private static Port described(org.nnirbridge.program.Port port) {
    return new Port(
        port.name(),
        port.shape(),
        port.format() == org.nnirbridge.numerics.NumberFormat.FP32,
        port.streamingDim());
  }

  /**
   * The models, in the order in which they were added.
   *
   * @return at least one
   */
  public List<Model> models() {
    return models;
  }

  /**
   * A new machine with its own state, bit-accurate, with one stream.
   *
   * @return the machine
   */
  public Vm newVm() {
    return newVm(VmSettings.DEFAULT);
  }

  /**
   * A new machine with its own state.
   *
   * @param settings how it computes
   * @return the machine
   * @throws InvalidArgument when a number is out of its range
   */
  public Vm newVm(VmSettings settings) {
    return new Vm(this, Objects.requireNonNull(settings, "settings"));
  }

  /**
   * The estimated clock cycles from the first input word to the last output word.
   *
   * @param modelIndex the model
   * @param spaced whether there is idle time before the inference, or one runs right after another
   * @return the cycles, which are the same for all inputs
   * @throws InvalidArgument when there is no such model
   */
  public long cyclesPerInference(int modelIndex, boolean spaced) {
    model(modelIndex);
    return LatencyEstimator.estimate(program, modelIndex, LINK_CAPACITY, OUTPUT_CAPACITY, spaced)
        .cycles();
  }

  /**
   * The estimated duration of an inference at the board's clock.
   *
   * @param modelIndex the model
   * @param spaced as in {@link #cyclesPerInference}
   * @return microseconds
   * @throws InvalidArgument when there is no such model
   */
  public double microsPerInference(int modelIndex, boolean spaced) {
    return (double) cyclesPerInference(modelIndex, spaced) / program.config().clockMhz();
  }

  /**
   * What the program takes of its board.
   *
   * @return the figures of each core
   */
  public List<CoreUse> coreUse() {
    Metrics metrics = program.metrics();
    return IntStream.range(0, metrics.instructions().size())
        .mapToObj(
            core ->
                new CoreUse(
                    metrics.weightStoreUsed().get(core),
                    metrics.weightStoreDepth(),
                    metrics.tensorRamUsed().get(core),
                    metrics.tensorRamDepth(),
                    metrics.clampStoreUsed().get(core),
                    metrics.clampStoreDepth(),
                    metrics.instructions().get(core)))
        .toList();
  }

  /** The board and the models with the shapes of their inputs and outputs. */
  @Override
  public String toString() {
    return models.stream()
        .map(
            model ->
                "%s %s -> %s"
                    .formatted(model.name(), shapes(model.inputs()), shapes(model.outputs())))
        .collect(Collectors.joining(", ", "Program for " + program.config().name() + ": ", ""));
  }

  private static String shapes(List<Port> ports) {
    return ports.stream().map(port -> port.shape().toString()).collect(Collectors.joining(", "));
  }

  Model model(int modelIndex) {
    if (modelIndex < 0 || modelIndex >= models.size()) {
      throw new InvalidArgument(
          "model index %d is out of range; the program has models 0 to %d"
              .formatted(modelIndex, models.size() - 1));
    }
    return models.get(modelIndex);
  }

  org.nnirbridge.program.Program internal() {
    return program;
  }
}
