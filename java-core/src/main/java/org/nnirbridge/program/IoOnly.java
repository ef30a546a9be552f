package org.nnirbridge.program;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * Programs that take inputs and give outputs and compute nothing in between: every output word is
 * the last input word, so that outputs start when the whole input is there.
 */
public final class IoOnly {
  /** As many as a test of transfers can want; each block of values takes an instruction. */
  private static final int MOST_VALUES = 1 << 24;

  private static final int READ_BLOCK = Address.of(Region.TENSOR, 0);

  /** Behind the two blocks that a float32 word takes. */
  private static final int ROUNDED_BLOCK = Address.of(Region.TENSOR, 2);

  private static final int BLOCKS = 3;

  private IoOnly() {}

  /**
   * A program of one model with one BF16 input and one BF16 output, both of rank 1.
   *
   * @throws InvalidArgument when there are no values or too many
   */
  public static Program of(HardwareConfig config, int inputValues, int outputValues) {
    check("input_values", inputValues);
    check("output_values", outputValues);
    Model model =
        new Model(
            "io_only_test",
            List.of(port("input", inputValues)),
            List.of(port("output", outputValues)),
            List.of(),
            false);
    return of(config, List.of(model));
  }

  /** The program with the same models, inputs and outputs that computes nothing. */
  public static Program of(Program program) {
    return of(program.config(), program.models());
  }

  private static void check(String name, int values) {
    if (values < 1 || values > MOST_VALUES) {
      throw new InvalidArgument("%s: %d is not from 1 to %d".formatted(name, values, MOST_VALUES));
    }
  }

  private static Port port(String name, int values) {
    return new Port(name, List.of(values), NumberFormat.BF16, OptionalInt.empty(), 0);
  }

  private static Program of(HardwareConfig config, List<Model> models) {
    CoreImage unused = image(0);
    List<CoreImage> images = new ArrayList<>(Collections.nCopies(config.numCores(), unused));
    images.set(0, image(BLOCKS));
    Program program =
        new Program(config, images, models.stream().map(model -> emptied(model, config)).toList());
    ProgramVerifier.verify(program);
    return program;
  }

  private static CoreImage image(int tensorBlocks) {
    return new CoreImage(
        new byte[0], new float[0], List.of(), new float[0], new float[0], tensorBlocks, 0, 0);
  }

  /** All IO is one core's, so that none waits for another. */
  private static Model emptied(Model model, HardwareConfig config) {
    CoreCode idle = new CoreCode(List.of(), List.of(), List.of());
    List<CoreCode> code = new ArrayList<>(Collections.nCopies(config.numCores(), idle));
    code.set(0, new CoreCode(instructions(model, config.blockSize()), List.of(), List.of()));
    return new Model(model.name(), model.inputs(), model.outputs(), code, model.resettable());
  }

  private static List<Instruction> instructions(Model model, int blockSize) {
    List<Instruction> instructions = new ArrayList<>();
    NumberFormat last = NumberFormat.BF16;
    for (int input = 0; input < model.inputs().size(); input++) {
      last = model.inputs().get(input).format();
      for (int word = 0; word < model.inputs().get(input).words(blockSize); word++) {
        instructions.add(new Instruction(Opcode.READ, READ_BLOCK, input, word, 1));
      }
    }
    boolean widened = last == NumberFormat.FP32;
    if (widened && model.outputs().stream().anyMatch(IoOnly::isNarrow)) {
      instructions.add(
          new Instruction(
              Opcode.MAP,
              ROUNDED_BLOCK,
              READ_BLOCK,
              UnaryFunction.IDENTITY.ordinal(),
              NumberFormat.BF16.ordinal()));
    }
    for (int output = 0; output < model.outputs().size(); output++) {
      Port port = model.outputs().get(output);
      int source = widened && isNarrow(port) ? ROUNDED_BLOCK : READ_BLOCK;
      for (int word = 0; word < port.words(blockSize); word++) {
        instructions.add(new Instruction(Opcode.WRITE, source, output, word, 1));
      }
    }
    return instructions;
  }

  private static boolean isNarrow(Port port) {
    return port.format() == NumberFormat.BF16;
  }
}
