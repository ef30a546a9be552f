package org.nnirbridge.latency;

import org.nnirbridge.hardware.HostLink;
import org.nnirbridge.program.Metrics;
import org.nnirbridge.program.Program;

/** How long an inference's values are under way between the host and the board. */
public final class HostTransfer {
  private HostTransfer() {}

  /**
   * The microseconds from the host's memory to the first input word in the board, and from the last
   * output word back. The cycle estimate knows nothing of them.
   */
  public static double micros(Program program, int modelIndex) {
    HostLink host = program.config().host();
    Metrics metrics = program.metrics();
    int bytes = metrics.inputBytes().get(modelIndex) + metrics.outputBytes().get(modelIndex);
    return (host.roundTripNanos() + (double) bytes / host.bytesPerNano()) / 1000;
  }
}
