package org.nnirbridge.compiler;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.HardwareConfig;

/**
 * The options of a compilation, by the names of the Python API.
 *
 * @param outputBufferCapacity words that the output buffer holds where programs of several seeds
 *     are compared by their estimates
 * @param writeQueueCapacity blocks that a link between cores holds there
 * @param coreIndices the cores a model may use; empty means all
 */
public record CompileOptions(
    @JsonProperty("optimize_transforms") Boolean optimizeTransforms,
    @JsonProperty("allow_dynamic_weights") Boolean allowDynamicWeights,
    @JsonProperty("allow_mixed_precision_fusion") Boolean allowMixedPrecisionFusion,
    @JsonProperty("max_sparse_entries") Integer maxSparseEntries,
    @JsonProperty("quick_compile") Boolean quickCompile,
    @JsonProperty("output_buffer_capacity") Integer outputBufferCapacity,
    @JsonProperty("write_queue_capacity") Integer writeQueueCapacity,
    @JsonProperty("random_seeds") List<Long> randomSeeds,
    @JsonProperty("allow_unserializable") Boolean allowUnserializable,
    @JsonProperty("generate_state_reset") Boolean generateStateReset,
    @JsonProperty("stateful_accumulators_in_tensor_ram") Boolean statefulAccumulatorsInTensorRam,
    @JsonProperty("core_indices") List<Integer> coreIndices) {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  // Those of the estimate too.
  private static final int OUTPUT_BUFFER = 64;
  private static final int WRITE_QUEUE = 32;

  /** The options when nothing is asked for. */
  public static final CompileOptions DEFAULT = fromJson("{}");

  public CompileOptions {
    check("max_sparse_entries", maxSparseEntries, 0);
    check("output_buffer_capacity", outputBufferCapacity, 1);
    check("write_queue_capacity", writeQueueCapacity, 1);
    if (randomSeeds != null && randomSeeds.isEmpty()) {
      throw new InvalidArgument("random_seeds: at least one is needed; [0] is the default");
    }
    outputBufferCapacity = outputBufferCapacity == null ? OUTPUT_BUFFER : outputBufferCapacity;
    writeQueueCapacity = writeQueueCapacity == null ? WRITE_QUEUE : writeQueueCapacity;
    coreIndices = coreIndices == null ? List.of() : List.copyOf(coreIndices);
  }

  private static void check(String name, Integer value, int least) {
    if (value != null && value < least) {
      throw new InvalidArgument(
          "%s: %d is too small; at least %d is needed".formatted(name, value, least));
    }
  }

  /** Throws InvalidArgument where the options name a core that a board does not have. */
  public void check(HardwareConfig config) {
    for (int core : coreIndices) {
      if (core < 0 || core >= config.numCores()) {
        throw new InvalidArgument(
            "core_indices: there is no core %d; %s has cores 0 to %d"
                .formatted(core, config.name(), config.numCores() - 1));
      }
    }
  }

  /** Parses options; throws InvalidArgument naming one that does not exist or has a wrong type. */
  public static CompileOptions fromJson(String json) {
    try {
      return JSON.readValue(json, CompileOptions.class);
    } catch (JsonProcessingException e) {
      if (e.getCause() instanceof InvalidArgument invalid) {
        throw invalid;
      }
      throw new InvalidArgument("compile options: " + e.getOriginalMessage());
    }
  }
}
