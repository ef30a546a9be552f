package org.nnirbridge.api;

/**
 * How a machine computes. Threads and streams change no bit of a result.
 *
 * @param bitAccurate whether values are rounded as on the board; else all is float32
 * @param threads how many threads share an inference, up to 64; 0 for as many as pay
 * @param streams how many independent sequences each inference steps, from 1 to 4096
 * @param truncatesInputs whether float32 inputs become BF16 by truncation; else to nearest even
 */
public record VmSettings(boolean bitAccurate, int threads, int streams, boolean truncatesInputs) {
  /** Bit-accurate, one stream, as many threads as pay, inputs rounded to nearest even. */
  public static final VmSettings DEFAULT = new VmSettings(true, 0, 1, false);

  /**
   * The same, but computing in float32.
   *
   * @return the settings
   */
  public VmSettings inFloat32() {
    return new VmSettings(false, threads, streams, truncatesInputs);
  }

  /**
   * The same with another number of threads.
   *
   * @param count how many
   * @return the settings
   */
  public VmSettings withThreads(int count) {
    return new VmSettings(bitAccurate, count, streams, truncatesInputs);
  }

  /**
   * The same with another number of streams.
   *
   * @param count how many
   * @return the settings
   */
  public VmSettings withStreams(int count) {
    return new VmSettings(bitAccurate, threads, count, truncatesInputs);
  }

  /**
   * The same, with inputs truncated to BF16.
   *
   * @return the settings
   */
  public VmSettings truncatingInputs() {
    return new VmSettings(bitAccurate, threads, streams, true);
  }
}
