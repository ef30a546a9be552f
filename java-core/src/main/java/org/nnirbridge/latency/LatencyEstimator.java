package org.nnirbridge.latency;

import java.util.Map;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.program.Program;

/** Estimates the cycles of an inference, and explains them, by a {@link Simulation}. */
public final class LatencyEstimator {
  private LatencyEstimator() {}

  /**
   * The cycles of one inference.
   *
   * @param writeQueueCapacity how many blocks may wait on a link from one core to another
   * @param outputBufferCapacity how many output words may wait for the host, which takes one a
   *     cycle
   * @param spaced after idle time, in which work on earlier state is done; else right after another
   * @throws InvalidArgument when a capacity is too small for the program to run at all
   */
  public static CycleSummary estimate(
      Program program,
      int modelIndex,
      int writeQueueCapacity,
      int outputBufferCapacity,
      boolean spaced) {
    check(writeQueueCapacity, outputBufferCapacity);
    Simulation simulation = Simulation.run(program, modelIndex, writeQueueCapacity, spaced);
    long select = selectLatency(program);
    long cycles = simulation.lastOutput().at() + select;
    return new CycleSummary(
        cycles,
        Map.of(
            "total",
            cycles,
            "first_output",
            simulation.firstOutputAt() + select,
            "last_input",
            simulation.inputWords(),
            "model_selection",
            select,
            "busiest_matrix_unit",
            busiestMatrixUnit(program, modelIndex)));
  }

  /**
   * Says where the cycles go.
   *
   * @param writeQueueCapacity as in {@link #estimate}
   * @param outputBufferCapacity as there
   * @param spaced as there
   * @throws InvalidArgument as there
   */
  public static Explanation explain(
      Program program,
      int modelIndex,
      int writeQueueCapacity,
      int outputBufferCapacity,
      boolean spaced) {
    check(writeQueueCapacity, outputBufferCapacity);
    Simulation simulation = Simulation.run(program, modelIndex, writeQueueCapacity, spaced);
    return new Explainer(program, modelIndex, simulation)
        .explain(spaced, WhatIf.cycles(program, modelIndex, writeQueueCapacity, spaced));
  }

  private static void check(int writeQueueCapacity, int outputBufferCapacity) {
    if (writeQueueCapacity < 1 || outputBufferCapacity < 1) {
      throw new InvalidArgument(
          "write_queue_capacity is %d and output_buffer_capacity %d; both must be at least 1"
              .formatted(writeQueueCapacity, outputBufferCapacity));
    }
  }

  static long selectLatency(Program program) {
    return program.models().size() > 1 ? program.config().timing().selectLatency() : 0;
  }

  private static long busiestMatrixUnit(Program program, int modelIndex) {
    return program.models().get(modelIndex).code().stream()
        .mapToLong(Explainer::products)
        .max()
        .orElse(0);
  }
}
