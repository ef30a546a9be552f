package org.nnirbridge.hardware;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Set;
import org.nnirbridge.diagnostic.InvalidArgument;

/**
 * A board: its cores, the depth of each core's stores, its clock and the timing of its units.
 *
 * @param numCores the number of cores
 * @param blockSize B: a weight block is B x B values, a tensor block B values
 * @param tensorRamDepth tensor blocks a core holds
 * @param tensorDescriptorCount descriptors of state windows a core holds for a model
 * @param weightStoreDepth weight blocks a core holds
 * @param accumStoreDepth float32 accumulators of B values a core holds
 * @param cellStateDepth float32 LSTM cell states of B values a core holds
 * @param clampStoreDepth pairs of clamp bounds a core holds
 * @param maxReadSize the most blocks one instruction reads
 * @param ioSize inputs and outputs are padded to a multiple of this many values
 * @param fabric the FPGA family: {@code agilex} or {@code versal}
 * @param clockMhz the clock in MHz
 * @param timing how long the units take
 * @param host how long values take to and from the host
 * @param features {@code fp8} where weights may be FP8, {@code lstm_only} for LSTM-only boards
 */
public record HardwareConfig(
    @JsonProperty("name") String name,
    @JsonProperty("num_cores") int numCores,
    @JsonProperty("block_size") int blockSize,
    @JsonProperty("tensor_ram_depth") int tensorRamDepth,
    @JsonProperty("tensor_descriptor_count") int tensorDescriptorCount,
    @JsonProperty("weight_store_depth") int weightStoreDepth,
    @JsonProperty("accum_store_depth") int accumStoreDepth,
    @JsonProperty("cell_state_depth") int cellStateDepth,
    @JsonProperty("clamp_store_depth") int clampStoreDepth,
    @JsonProperty("max_read_size") int maxReadSize,
    @JsonProperty("io_size") int ioSize,
    @JsonProperty("fabric") String fabric,
    @JsonProperty("clock_mhz") Integer clockMhz,
    @JsonProperty("features") List<String> features,
    @JsonProperty("timing") Timing timing,
    @JsonProperty("host") HostLink host) {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .build();
  private static final int MAX_CORES = 31;
  private static final Set<String> FEATURES = Set.of("fp8", "lstm_only");

  public HardwareConfig {
    check("num_cores", numCores, 1, MAX_CORES);
    check("block_size", blockSize, 1, 1024);
    check("tensor_ram_depth", tensorRamDepth, 1, 1 << 24);
    check("tensor_descriptor_count", tensorDescriptorCount, 0, 1 << 24);
    check("weight_store_depth", weightStoreDepth, 0, 1 << 24);
    check("accum_store_depth", accumStoreDepth, 1, 1 << 24);
    check("cell_state_depth", cellStateDepth, 0, 1 << 24);
    check("clamp_store_depth", clampStoreDepth, 0, 1 << 24);
    check("max_read_size", maxReadSize, 1, 1 << 24);
    check("io_size", ioSize, 1, 1 << 20);
    if (!"agilex".equals(fabric) && !"versal".equals(fabric)) {
      throw new InvalidArgument(
          "config: fabric " + fabric + " is not known; use \"agilex\" or \"versal\"");
    }
    if (clockMhz == null) {
      throw new InvalidArgument("config: clock_mhz is missing; give the clock in MHz");
    }
    check("clock_mhz", clockMhz, 1, 100_000);
    features = features == null ? List.of() : List.copyOf(features);
    for (String feature : features) {
      if (!FEATURES.contains(feature)) {
        throw new InvalidArgument(
            "config: feature " + feature + " is not known; use \"fp8\" or \"lstm_only\"");
      }
    }
    name = name == null ? "" : name;
    timing = timing == null ? Presets.timing(fabric) : timing;
    host = host == null ? Presets.host(fabric) : host;
  }

  static void check(String name, int value, int least, int most) {
    if (value < least || value > most) {
      throw new InvalidArgument(
          "config: " + name + " is " + value + "; it must be from " + least + " to " + most);
    }
  }

  /** Parses the JSON of {@link #toJson}; throws InvalidArgument naming what is wrong with it. */
  public static HardwareConfig fromJson(String json) {
    return read(json, HardwareConfig.class);
  }

  static <T> T read(String json, Class<T> type) {
    try {
      return JSON.readValue(json, type);
    } catch (JsonProcessingException e) {
      if (e.getCause() instanceof InvalidArgument invalid) {
        throw invalid;
      }
      throw new InvalidArgument("config: " + JsonFault.of(e, json));
    }
  }

  /** The same board with units that take other times. */
  public HardwareConfig withTiming(Timing newTiming) {
    return new HardwareConfig(
        name,
        numCores,
        blockSize,
        tensorRamDepth,
        tensorDescriptorCount,
        weightStoreDepth,
        accumStoreDepth,
        cellStateDepth,
        clampStoreDepth,
        maxReadSize,
        ioSize,
        fabric,
        clockMhz,
        features,
        newTiming,
        host);
  }

  /** A value with one of its properties, by its name in JSON, replaced. */
  static <T> T replace(T value, String name, int property, Class<T> type) {
    ObjectNode json = JSON.valueToTree(value);
    return read(json.put(name, property).toString(), type);
  }

  public String toJson() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  public boolean hasFeature(String feature) {
    return features.contains(feature);
  }
}
