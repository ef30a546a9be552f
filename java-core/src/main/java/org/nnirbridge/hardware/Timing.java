package org.nnirbridge.hardware;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * How long the units of a core take, in clock cycles, for the latency estimate.
 *
 * @param matrixLatency from the last operand of a matrix-vector product to its sum
 * @param matrixInterval the least from the start of one product instruction to that of the next
 * @param storeLatency from a finished sum to its rounded and clamped block
 * @param vectorLatency from the operands of an elementwise instruction to its result
 * @param foldInterval how long a fold of one block keeps its unit
 * @param lstmLatency from the last gate of an LSTM unit to its state
 * @param linkLatency from a sent block to its arrival in the other core
 * @param inputLatency from the first word of an input to its arrival in a core
 * @param outputLatency from the last result to its word at the output
 * @param selectLatency what the choice between several models costs
 * @param queueDepth how many instructions wait for a unit before the core's stream waits with them
 */
public record Timing(
    @JsonProperty("matrix_latency") int matrixLatency,
    @JsonProperty("matrix_interval") int matrixInterval,
    @JsonProperty("store_latency") int storeLatency,
    @JsonProperty("vector_latency") int vectorLatency,
    @JsonProperty("fold_interval") int foldInterval,
    @JsonProperty("lstm_latency") int lstmLatency,
    @JsonProperty("link_latency") int linkLatency,
    @JsonProperty("input_latency") int inputLatency,
    @JsonProperty("output_latency") int outputLatency,
    @JsonProperty("select_latency") int selectLatency,
    @JsonProperty("queue_depth") int queueDepth) {
  public Timing {
    HardwareConfig.check("timing: matrix_latency", matrixLatency, 0, MOST);
    HardwareConfig.check("timing: matrix_interval", matrixInterval, 1, MOST);
    HardwareConfig.check("timing: store_latency", storeLatency, 1, MOST);
    HardwareConfig.check("timing: vector_latency", vectorLatency, 1, MOST);
    HardwareConfig.check("timing: fold_interval", foldInterval, 1, MOST);
    HardwareConfig.check("timing: lstm_latency", lstmLatency, 1, MOST);
    HardwareConfig.check("timing: link_latency", linkLatency, 0, MOST);
    HardwareConfig.check("timing: input_latency", inputLatency, 0, MOST);
    HardwareConfig.check("timing: output_latency", outputLatency, 0, MOST);
    HardwareConfig.check("timing: select_latency", selectLatency, 0, MOST);
    HardwareConfig.check("timing: queue_depth", queueDepth, 1, MOST);
  }

  private static final int MOST = 100_000;

  /** The same times but for one, by its name in a configuration. */
  public Timing with(String name, int cycles) {
    return HardwareConfig.replace(this, name, cycles, Timing.class);
  }

  /** Parses the JSON of a configuration's {@code timing}; throws InvalidArgument for any other. */
  public static Timing fromJson(String json) {
    return HardwareConfig.read(json, Timing.class);
  }
}
