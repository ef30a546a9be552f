package org.nnirbridge.program;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.stream.IntStream;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;

/** How much of each core a program uses, and the size of each model's inputs and outputs. */
public record Metrics(
    @JsonProperty("clamp_store_used") List<Integer> clampStoreUsed,
    @JsonProperty("num_instrs") List<Integer> instructions,
    @JsonProperty("num_micro_instructions") List<Integer> microInstructions,
    @JsonProperty("tensor_ram_used") List<Integer> tensorRamUsed,
    @JsonProperty("weight_store_used") List<Integer> weightStoreUsed,
    @JsonProperty("clamp_store_depth") int clampStoreDepth,
    @JsonProperty("tensor_ram_depth") int tensorRamDepth,
    @JsonProperty("weight_store_depth") int weightStoreDepth,
    @JsonProperty("input_bytes") List<Integer> inputBytes,
    @JsonProperty("output_bytes") List<Integer> outputBytes,
    @JsonProperty("model_names") List<String> modelNames) {

  static Metrics of(Program program) {
    HardwareConfig config = program.config();
    List<CoreImage> images = program.images();
    return new Metrics(
        images.stream().map(image -> image.clampMinimum().length).toList(),
        perCore(program, false),
        perCore(program, true),
        images.stream().map(CoreImage::tensorBlocks).toList(),
        images.stream().map(image -> image.weightStoreUsed(config.blockSize())).toList(),
        config.clampStoreDepth(),
        config.tensorRamDepth(),
        config.weightStoreDepth(),
        program.models().stream().map(model -> bytes(model.inputs(), config)).toList(),
        program.models().stream().map(model -> bytes(model.outputs(), config)).toList(),
        program.models().stream().map(Model::name).toList());
  }

  private static List<Integer> perCore(Program program, boolean micro) {
    return IntStream.range(0, program.images().size())
        .map(
            core ->
                program.models().stream()
                    .flatMap(model -> model.code().get(core).instructions().stream())
                    .mapToInt(instruction -> micro ? blocks(instruction) : 1)
                    .sum())
        .boxed()
        .toList();
  }

  /** The number of blocks an instruction works on, each one micro-instruction. */
  private static int blocks(Instruction instruction) {
    int count = instruction.opcode().fields().indexOf(Field.COUNT);
    return count < 0 ? 1 : instruction.field(count);
  }

  private static int bytes(List<Port> ports, HardwareConfig config) {
    int bytes = 0;
    for (Port port : ports) {
      int padded = (port.size() + config.ioSize() - 1) / config.ioSize() * config.ioSize();
      bytes += padded * port.format().bytes();
    }
    return bytes;
  }
}
