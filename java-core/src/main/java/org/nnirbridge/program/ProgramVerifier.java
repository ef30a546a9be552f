package org.nnirbridge.program;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/** Checks everything that a machine relies on when it runs a program, so that it need not. */
public final class ProgramVerifier {
  private static final long MOST_PORT_VALUES = 1 << 28;

  /** What a machine can keep of one core in one array. */
  private static final long MOST_VALUES = Integer.MAX_VALUE - 8;

  private final Program program;
  private final HardwareConfig config;

  /** For each core the blocks of tensor RAM that constants fill. */
  private final List<BitSet> constants = new ArrayList<>();

  /** For each core and store the blocks that windows fill. */
  private final List<Map<Region, BitSet>> windows = new ArrayList<>();

  private ProgramVerifier(Program program) {
    this.program = program;
    this.config = program.config();
  }

  /**
   * Checks a program.
   *
   * @throws MalformedProgram naming the first place that is wrong
   */
  public static void verify(Program program) {
    new ProgramVerifier(program).verifyAll();
  }

  private static void verifyLayers(Model model, int core) {
    CoreCode code = model.code().get(core);
    long instructions = 0;
    for (LayerRun run : code.layers()) {
      instructions += run.instructions();
      if (run.layer() < 0 || run.layer() >= model.layers().size() || run.instructions() < 1) {
        throw new MalformedProgram(
            "model %s, core %d: %d instructions of operator %d, of which it has %d"
                .formatted(
                    model.name(), core, run.instructions(), run.layer(), model.layers().size()));
      }
    }
    if (!code.layers().isEmpty() && instructions != code.instructions().size()) {
      throw new MalformedProgram(
          "model %s, core %d: operators have %d instructions, the core %d"
              .formatted(model.name(), core, instructions, code.instructions().size()));
    }
  }

  private void verifyAll() {
    if (program.models().isEmpty()) {
      throw new MalformedProgram("the program has no model");
    }
    for (int core = 0; core < program.images().size(); core++) {
      verifyImage("core " + core, program.images().get(core));
      constants.add(blocksOfConstants(program.images().get(core)));
      windows.add(Map.of(Region.TENSOR, new BitSet(), Region.CELL, new BitSet()));
    }
    for (Model model : program.models()) {
      for (int core = 0; core < model.code().size(); core++) {
        placeWindows(model, core);
      }
    }
    for (Model model : program.models()) {
      verifyPortSizes(model);
      for (int core = 0; core < model.code().size(); core++) {
        verifyCode(model, core);
        verifyLayers(model, core);
      }
      if (ExecutionOrder.of(model.code()).isEmpty()) {
        throw new MalformedProgram(
            "model " + model.name() + ": its cores wait for each other for ever");
      }
    }
  }

  private void verifyPortSizes(Model model) {
    long values = 0;
    List<Port> ports = new ArrayList<>(model.inputs());
    ports.addAll(model.outputs());
    for (Port port : ports) {
      values += (port.size() + config.ioSize() - 1L) / config.ioSize() * config.ioSize();
    }
    check(values <= MOST_PORT_VALUES, "model " + model.name(), values + " inputs and outputs");
  }

  private static BitSet blocksOfConstants(CoreImage image) {
    BitSet blocks = new BitSet();
    image.constants().forEach(block -> blocks.set(Address.index(block.address())));
    return blocks;
  }

  /** No two windows share a block with each other or with a constant. */
  private void placeWindows(Model model, int core) {
    String where = "model " + model.name() + ", core " + core;
    for (Window window : model.code().get(core).windows()) {
      verifyWindow(where, window, program.images().get(core));
      int start = Address.index(window.base());
      int end = start + window.entries() * window.entryBlocks();
      Region region = Address.region(window.base());
      BitSet taken = windows.get(core).get(region);
      check(!overlaps(taken, start, end), where, "windows share blocks");
      boolean onConstant = region == Region.TENSOR && overlaps(constants.get(core), start, end);
      check(!onConstant, where, "a window lies on a constant");
      taken.set(start, end);
    }
  }

  private static boolean overlaps(BitSet blocks, int start, int end) {
    int next = blocks.nextSetBit(start);
    return next >= 0 && next < end;
  }

  private void verifyImage(String where, CoreImage image) {
    int weightBlock = config.blockSize() * config.blockSize();
    boolean whole =
        image.fp8Weights().length % weightBlock == 0 && image.weights().length % weightBlock == 0;
    check(whole, where, "weights are not whole blocks");
    boolean storable = image.fp8Weights().length == 0 || config.hasFeature("fp8");
    check(storable, where, "FP8 weights, which the board does not have");
    checkRange(
        image.weightStoreUsed(config.blockSize()),
        config.weightStoreDepth(),
        where,
        "weight store");
    checkRange(image.tensorBlocks(), config.tensorRamDepth(), where, "tensor RAM");
    checkRange(image.cellBlocks(), config.cellStateDepth(), where, "cell state store");
    checkRange(image.accumulators(), config.accumStoreDepth(), where, "accumulator store");
    long blocks = (long) image.tensorBlocks() + image.cellBlocks() + image.accumulators();
    check(blocks * config.blockSize() <= MOST_VALUES, where, blocks + " blocks are too many");
    int clamps = image.clampMinimum().length;
    check(clamps == image.clampMaximum().length, where, "clamp bounds are not pairs");
    checkRange(clamps, config.clampStoreDepth(), where, "clamp store");
    for (FixedBlock block : image.constants()) {
      check(block.values().length == config.blockSize(), where, "a constant is not a block");
      check(Address.region(block.address()) == Region.TENSOR, where, "a constant lies elsewhere");
      checkIndex(Address.index(block.address()), image.tensorBlocks(), where, "a constant's place");
    }
  }

  private static void checkRange(int value, int most, String where, String what) {
    check(value >= 0 && value <= most, where, what + ": " + value + " of " + most);
  }

  private static void checkIndex(int index, int size, String where, String what) {
    check(index >= 0 && index < size, where, what + ": " + index + " of " + size);
  }

  private static void check(boolean holds, String where, String what) {
    if (!holds) {
      throw new MalformedProgram(where + ": " + what);
    }
  }

  private void verifyCode(Model model, int core) {
    String where = "model " + model.name() + ", core " + core;
    CoreCode code = model.code().get(core);
    for (Descriptor descriptor : code.descriptors()) {
      checkIndex(descriptor.window(), code.windows().size(), where, "a window");
      Window window = code.windows().get(descriptor.window());
      checkIndex(descriptor.age(), window.entries(), where, "an age");
      checkIndex(descriptor.offset(), window.entryBlocks(), where, "an offset");
    }
    for (int i = 0; i < code.instructions().size(); i++) {
      verifyInstruction(where + ", instruction " + i, code.instructions().get(i), model, core);
    }
  }

  private void verifyWindow(String where, Window window, CoreImage image) {
    Region region = Address.region(window.base());
    check(region == Region.TENSOR || region == Region.CELL, where, "a window lies elsewhere");
    int depth = region == Region.TENSOR ? image.tensorBlocks() : image.cellBlocks();
    long end = Address.index(window.base()) + (long) window.entries() * window.entryBlocks();
    check(
        window.entries() > 0 && window.entryBlocks() >= 0 && end <= depth,
        where,
        "a window does not fit its store");
    check(window.tileBlocks() == 1 || window.tileBlocks() == 2, where, "a window's tiles are odd");
    check(
        (long) window.initial().size() * window.tileBlocks() <= window.entryBlocks(),
        where,
        "a window starts with too many blocks");
    for (float[] block : window.initial()) {
      check(block.length == config.blockSize(), where, "a window's start is not a block");
    }
  }

  private void verifyInstruction(String where, Instruction instruction, Model model, int core) {
    List<Field> kinds = instruction.opcode().fields();
    int countAt = kinds.indexOf(Field.COUNT);
    int count = countAt < 0 ? 1 : instruction.field(countAt);
    check(count > 0 && count <= config.maxReadSize(), where, "a count of " + count);
    for (int i = 0; i < kinds.size(); i++) {
      int value = instruction.field(i);
      boolean whole = instruction.opcode() == Opcode.MATVEC && kinds.get(i) == Field.TARGET;
      verifyField(where, kinds.get(i), value, whole ? 1 : count, model, core);
    }
    verifyPorts(where, instruction, count, model);
    if (instruction.opcode() == Opcode.LANES_MOVE) {
      int lanes = instruction.field(4);
      checkRange(instruction.field(1) + lanes, config.blockSize(), where, "lanes moved to");
      checkRange(instruction.field(3) + lanes, config.blockSize(), where, "lanes moved from");
    }
  }

  private void verifyField(String where, Field kind, int value, int count, Model model, int core) {
    CoreImage image = program.images().get(core);
    switch (kind) {
      case TARGET -> {
        verifyAddress(where, value, count, core, model.code().get(core));
        verifyWritable(where, value, count, core, model.code().get(core));
      }
      case SOURCE -> verifyAddress(where, value, count, core, model.code().get(core));
      case ADDEND -> {
        if (value != 0) {
          verifyAddress(where, value - 1, 1, core, model.code().get(core));
        }
      }
      case WEIGHT -> {
        check(value >= 0, where, "a weight block below 0");
        long end = (long) value + count;
        check(end <= image.weightBlocks(config.blockSize()), where, "weight block " + value);
      }
      case COUNT -> check(value > 0, where, "a count of " + value);
      case LANES -> check(value > 0 && value <= config.blockSize(), where, "lanes " + value);
      case TARGET_LANE, SOURCE_LANE ->
          check(value >= 0 && value < config.blockSize(), where, "lane " + value);
      case INPUT -> checkIndex(value, model.inputs().size(), where, "an input");
      case OUTPUT -> checkIndex(value, model.outputs().size(), where, "an output");
      case WORD -> check(value >= 0, where, "word " + value);
      case CORE ->
          check(
              value >= 0 && value < config.numCores() && value != core,
              where,
              "receives from core " + value);
      case CORES ->
          check(
              value > 0 && value >>> config.numCores() == 0 && (value >> core & 1) == 0,
              where,
              "sends to cores " + value);
      case CLAMP -> checkRange(value, image.clampMinimum().length, where, "clamp bounds");
      case UNARY -> checkIndex(value, UnaryFunction.values().length, where, "a function");
      case BINARY -> checkIndex(value, BinaryFunction.values().length, where, "a function");
      case FORMAT -> checkIndex(value, NumberFormat.values().length, where, "a format");
    }
  }

  private void verifyPorts(String where, Instruction instruction, int count, Model model) {
    Opcode opcode = instruction.opcode();
    if (opcode == Opcode.READ || opcode == Opcode.WRITE) {
      List<Port> ports = opcode == Opcode.READ ? model.inputs() : model.outputs();
      int words = ports.get(instruction.field(1)).words(config.blockSize());
      check((long) instruction.field(2) + count <= words, where, "word " + instruction.field(2));
    }
    if (opcode == Opcode.BOUND) {
      check(instruction.field(2) > 0, where, "clamps without bounds");
    }
  }

  private void verifyAddress(String where, int address, int count, int core, CoreCode code) {
    CoreImage image = program.images().get(core);
    long index = Address.index(address);
    Region region = Address.region(address);
    boolean fits =
        switch (region) {
          case TENSOR -> index + count <= image.tensorBlocks();
          case CELL -> index + count <= image.cellBlocks();
          case ACCUMULATOR -> index + count <= image.accumulators();
          case WINDOW -> index < code.descriptors().size() && fits(code, (int) index, count);
        };
    check(fits, where, "address " + Address.print(address) + " with " + count + " blocks");
    BitSet reserved = windows.get(core).get(region);
    boolean inWindow = reserved != null && overlaps(reserved, (int) index, (int) index + count);
    check(!inWindow, where, "address " + Address.print(address) + " lies in a window");
  }

  private void verifyWritable(String where, int address, int count, int core, CoreCode code) {
    int index = Address.index(address);
    Region region = Address.region(address);
    boolean onConstant =
        region == Region.TENSOR && overlaps(constants.get(core), index, index + count);
    check(!onConstant, where, "address " + Address.print(address) + " writes to a constant");
    boolean earlier = region == Region.WINDOW && code.descriptors().get(index).age() > 0;
    check(!earlier, where, "address " + Address.print(address) + " writes to an earlier entry");
  }

  private static boolean fits(CoreCode code, int descriptorIndex, int count) {
    Descriptor descriptor = code.descriptors().get(descriptorIndex);
    return (long) descriptor.offset() + count
        <= code.windows().get(descriptor.window()).entryBlocks();
  }
}
