package org.nnirbridge.vm;

import org.nnirbridge.diagnostic.InvalidArgument;

/**
 * How a virtual machine computes; none of it changes a bit of a result but the mode.
 *
 * @param threads how many threads share an inference's work; 0 to choose by the size of the models
 * @param streams how many independent sequences each inference steps, each with a state of its own
 */
public record VmOptions(VmMode mode, int threads, int streams) {
  private static final int MOST_THREADS = 64;
  private static final int MOST_STREAMS = 4096;

  /**
   * Checks the numbers.
   *
   * @throws InvalidArgument when one is out of its range
   */
  public VmOptions {
    if (threads < 0 || threads > MOST_THREADS) {
      throw new InvalidArgument(
          "num_threads: "
              + threads
              + " is not from 1 to "
              + MOST_THREADS
              + " (0 chooses by itself)");
    }
    if (streams < 1 || streams > MOST_STREAMS) {
      throw new InvalidArgument("num_streams: " + streams + " is not from 1 to " + MOST_STREAMS);
    }
  }

  /** One stream, as many threads as pay. */
  public static VmOptions of(VmMode mode) {
    return new VmOptions(mode, 0, 1);
  }
}
