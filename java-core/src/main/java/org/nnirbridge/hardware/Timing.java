package org.nnirbridge.hardware;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * How long the units of a core take, in clock cycles, for the latency estimate.
 *
 * @param matrixLatency from the last operand of a matrix-vector product to its sum
 * @param vectorLatency from the operands of an elementwise instruction to its result
 * @param functionLatency what tanh, sigmoid and the other elementary functions add to that
 * @param lstmLatency from the last gate of an LSTM unit to its state
 * @param linkLatency from a sent block to its arrival in the other core
 * @param inputLatency from the first word of an input to its arrival in a core
 * @param outputLatency from the last result to its word at the output
 * @param selectLatency what the choice between several models costs
 */
public record Timing(
    @JsonProperty("matrix_latency") int matrixLatency,
    @JsonProperty("vector_latency") int vectorLatency,
    @JsonProperty("function_latency") int functionLatency,
    @JsonProperty("lstm_latency") int lstmLatency,
    @JsonProperty("link_latency") int linkLatency,
    @JsonProperty("input_latency") int inputLatency,
    @JsonProperty("output_latency") int outputLatency,
    @JsonProperty("select_latency") int selectLatency) {}
