package org.nnirbridge.vm;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Field;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.ExecutionOrder;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.vm.kernel.KernelChoice;
import org.nnirbridge.vm.kernel.Kernels;

/** One model of a program, ready to run on a machine's memory, with its windows' positions. */
final class ModelRun {
  private static final Opcode[] OPCODES = Opcode.values();
  private static final NumberFormat[] FORMATS = NumberFormat.values();
  private static final UnaryFunction[] UNARY = UnaryFunction.values();
  private static final BinaryFunction[] BINARY = BinaryFunction.values();

  private final Model model;
  private final CoreMemory[] memories;
  private final Kernels kernels;
  private final boolean rounds;
  private final boolean computes;
  private final int blockSize;
  private final float[][] clampMinimum;
  private final float[][] clampMaximum;

  /** Opcode, core, then the fields; addresses are offsets, window descriptors are complements. */
  private final int[][] steps;

  private final PortLayout[] inputLayouts;
  private final PortLayout[] outputLayouts;
  private final Link[][] links;
  private final int[][] heads;
  private final int[][] descriptorOffsets;

  /** Blocks on their way from one core to another, as a ring that never overflows. */
  private static final class Link {
    float[] blocks = new float[0];
    int waiting;
    int most;
    int readIndex;
    int writeIndex;

    void put(float[] values, int source, int size) {
      int first = Math.min(size, blocks.length - writeIndex);
      System.arraycopy(values, source, blocks, writeIndex, first);
      System.arraycopy(values, source + first, blocks, 0, size - first);
      writeIndex = (writeIndex + size) % blocks.length;
    }

    void take(float[] values, int target, int size) {
      int first = Math.min(size, blocks.length - readIndex);
      System.arraycopy(blocks, readIndex, values, target, first);
      System.arraycopy(blocks, 0, values, target + first, size - first);
      readIndex = (readIndex + size) % blocks.length;
    }
  }

  ModelRun(Model model, CoreMemory[] memories, Settings settings) {
    this.model = model;
    this.memories = memories;
    this.rounds = settings.rounds();
    this.computes = settings.computes();
    this.blockSize = settings.blockSize();
    this.kernels = KernelChoice.forBlocks(blockSize, rounds);
    this.clampMinimum = settings.clampMinimum();
    this.clampMaximum = settings.clampMaximum();
    this.inputLayouts = layouts(model.inputs());
    this.outputLayouts = layouts(model.outputs());
    int cores = memories.length;
    this.heads = new int[cores][];
    this.descriptorOffsets = new int[cores][];
    this.links = new Link[cores][cores];
    for (int core = 0; core < cores; core++) {
      heads[core] = new int[model.code().get(core).windows().size()];
      descriptorOffsets[core] = new int[model.code().get(core).descriptors().size()];
      for (int to = 0; to < cores; to++) {
        links[core][to] = new Link();
      }
    }
    this.steps = resolve();
    for (Link[] row : links) {
      for (Link link : row) {
        link.blocks = new float[link.most * blockSize];
      }
    }
    reset();
  }

  /** What the models of a machine share. */
  record Settings(
      int blockSize,
      boolean rounds,
      boolean computes,
      float[][] clampMinimum,
      float[][] clampMaximum) {}

  private PortLayout[] layouts(List<Port> ports) {
    return ports.stream().map(port -> new PortLayout(port, blockSize)).toArray(PortLayout[]::new);
  }

  private int[][] resolve() {
    List<ExecutionOrder.Step> order =
        ExecutionOrder.of(model.code())
            .orElseThrow(
                () ->
                    new MalformedProgram(
                        "model " + model.name() + ": its cores wait for each other for ever"));
    List<int[]> resolved = new ArrayList<>();
    for (ExecutionOrder.Step step : order) {
      Instruction instruction = model.code().get(step.core()).instructions().get(step.index());
      int[] fields = new int[instruction.fields().length + 2];
      fields[0] = instruction.opcode().ordinal();
      fields[1] = step.core();
      for (int i = 0; i < instruction.fields().length; i++) {
        fields[i + 2] = resolve(instruction, i, step.core());
      }
      count(instruction, step.core());
      resolved.add(fields);
    }
    return resolved.toArray(new int[0][]);
  }

  private int resolve(Instruction instruction, int index, int core) {
    Field kind = instruction.opcode().fields().get(index);
    int value = instruction.field(index);
    return switch (kind) {
      case TARGET, SOURCE ->
          Address.region(value) == Region.WINDOW
              ? ~Address.index(value)
              : memories[core].offset(value);
      case WEIGHT -> value * blockSize * blockSize;
      case COUNT, LANES, TARGET_LANE, SOURCE_LANE, INPUT, OUTPUT, WORD, CORE, CORES, CLAMP -> value;
      case UNARY, BINARY, FORMAT -> value;
    };
  }

  private void count(Instruction instruction, int core) {
    if (instruction.opcode() == Opcode.SEND) {
      for (int to = 0; to < links.length; to++) {
        if ((instruction.field(2) >> to & 1) != 0) {
          Link link = links[core][to];
          link.waiting += instruction.field(1);
          link.most = Math.max(link.most, link.waiting);
        }
      }
    } else if (instruction.opcode() == Opcode.RECEIVE) {
      links[instruction.field(1)][core].waiting -= instruction.field(2);
    }
  }

  /** Puts every window back to what it held before the first inference. */
  void reset() {
    for (int core = 0; core < memories.length; core++) {
      List<Window> windows = model.code().get(core).windows();
      for (int w = 0; w < windows.size(); w++) {
        heads[core][w] = 0;
        Window window = windows.get(w);
        int base = memories[core].offset(window.base());
        NumberFormat format =
            window.tileBlocks() == 2 || Address.region(window.base()) == Region.CELL
                ? NumberFormat.FP32
                : NumberFormat.BF16;
        for (int t = 0; t < window.initial().size(); t++) {
          for (int entry = 0; entry < window.entries(); entry++) {
            int block = entry * window.entryBlocks() + t * window.tileBlocks();
            memories[core].write(base + block * blockSize, window.initial().get(t), format, rounds);
          }
        }
      }
    }
  }

  void run(FloatBuffer[] inputs, FloatBuffer[] outputs, boolean roundToNearestEven) {
    placeDescriptors();
    for (int[] step : steps) {
      execute(step, inputs, outputs, roundToNearestEven);
    }
    advanceWindows();
  }

  private void placeDescriptors() {
    for (int core = 0; core < memories.length; core++) {
      CoreCode code = model.code().get(core);
      for (int d = 0; d < descriptorOffsets[core].length; d++) {
        Descriptor descriptor = code.descriptors().get(d);
        Window window = code.windows().get(descriptor.window());
        int entry = heads[core][descriptor.window()] - descriptor.age();
        if (entry < 0) {
          entry += window.entries();
        }
        descriptorOffsets[core][d] =
            memories[core].offset(window.base())
                + (entry * window.entryBlocks() + descriptor.offset()) * blockSize;
      }
    }
  }

  private void advanceWindows() {
    for (int core = 0; core < memories.length; core++) {
      List<Window> windows = model.code().get(core).windows();
      for (int w = 0; w < heads[core].length; w++) {
        heads[core][w] = (heads[core][w] + 1) % windows.get(w).entries();
      }
    }
  }

  private void execute(
      int[] step, FloatBuffer[] inputs, FloatBuffer[] outputs, boolean roundToNearestEven) {
    int core = step[1];
    CoreMemory memory = memories[core];
    float[] values = memory.values;
    Opcode opcode = OPCODES[step[0]];
    switch (opcode) {
      case READ -> read(step, inputs[step[3]], roundToNearestEven);
      case WRITE -> write(step, outputs[step[3]]);
      case SEND -> send(step);
      case RECEIVE -> receive(step);
      case CLEAR -> memory.clear(at(core, step[2]));
      case LOAD ->
          System.arraycopy(values, at(core, step[3]), values, at(core, step[2]), blockSize);
      case LANES_MOVE ->
          System.arraycopy(
              values, at(core, step[4]) + step[5], values, at(core, step[2]) + step[3], step[6]);
      case MATVEC, STORE, MAP, ZIP, BOUND, MULTIPLY_ADD, LSTM_CELL, LSTM_HIDDEN -> {
        if (computes) {
          compute(opcode, step, memory);
        }
      }
    }
  }

  private void compute(Opcode opcode, int[] step, CoreMemory memory) {
    int core = step[1];
    float[] values = memory.values;
    int target = at(core, step[2]);
    switch (opcode) {
      case MATVEC -> {
        int inputs = (step[5] - 1) * blockSize + step[6];
        kernels.matVec(values, target, memory.weights, step[3], at(core, step[4]), inputs);
      }
      case STORE -> {
        NumberFormat format = FORMATS[step[4]];
        kernels.store(values, target, at(core, step[3]), format);
        if (step[5] != 0) {
          bound(core, target, target, step[5], format);
        }
      }
      case MAP -> kernels.map(values, target, at(core, step[3]), UNARY[step[4]], FORMATS[step[5]]);
      case ZIP ->
          kernels.zip(
              values,
              target,
              at(core, step[3]),
              at(core, step[4]),
              BINARY[step[5]],
              FORMATS[step[6]]);
      case BOUND -> bound(core, target, at(core, step[3]), step[4], FORMATS[step[5]]);
      case MULTIPLY_ADD ->
          kernels.multiplyAdd(
              values,
              target,
              at(core, step[3]),
              at(core, step[4]),
              at(core, step[5]),
              FORMATS[step[6]]);
      case LSTM_CELL ->
          kernels.lstmCell(
              values,
              target,
              at(core, step[3]),
              at(core, step[4]),
              at(core, step[5]),
              at(core, step[6]));
      case LSTM_HIDDEN -> kernels.lstmHidden(values, target, at(core, step[3]), at(core, step[4]));
      case READ, WRITE, SEND, RECEIVE, CLEAR, LOAD, LANES_MOVE ->
          throw new IllegalStateException(opcode + " computes nothing");
    }
  }

  private void bound(int core, int target, int source, int clamp, NumberFormat format) {
    kernels.bound(
        memories[core].values,
        target,
        source,
        clampMinimum[core][clamp - 1],
        clampMaximum[core][clamp - 1],
        format);
  }

  private int at(int core, int offset) {
    return offset >= 0 ? offset : descriptorOffsets[core][~offset];
  }

  private void read(int[] step, FloatBuffer input, boolean roundToNearestEven) {
    PortLayout layout = inputLayouts[step[3]];
    float[] values = memories[step[1]].values;
    int target = at(step[1], step[2]);
    boolean bf16 = rounds && model.inputs().get(step[3]).format() == NumberFormat.BF16;
    for (int i = 0; i < step[5]; i++) {
      int base = layout.base(step[4] + i);
      int lanes = layout.lanes(step[4] + i);
      for (int lane = 0; lane < lanes; lane++) {
        float value = input.get(base + lane * layout.stride());
        if (!bf16) {
          value = Bf16.canonical(value);
        } else if (roundToNearestEven) {
          value = Bf16.round(value);
        } else {
          value = Bf16.truncate(value);
        }
        values[target + i * blockSize + lane] = value;
      }
    }
  }

  private void write(int[] step, FloatBuffer output) {
    PortLayout layout = outputLayouts[step[3]];
    float[] values = memories[step[1]].values;
    int source = at(step[1], step[2]);
    for (int i = 0; i < step[5]; i++) {
      int base = layout.base(step[4] + i);
      int lanes = layout.lanes(step[4] + i);
      for (int lane = 0; lane < lanes; lane++) {
        output.put(base + lane * layout.stride(), values[source + i * blockSize + lane]);
      }
    }
  }

  private void send(int[] step) {
    int source = at(step[1], step[2]);
    for (int to = 0; to < links.length; to++) {
      if ((step[4] >> to & 1) != 0) {
        links[step[1]][to].put(memories[step[1]].values, source, step[3] * blockSize);
      }
    }
  }

  private void receive(int[] step) {
    int target = at(step[1], step[2]);
    links[step[3]][step[1]].take(memories[step[1]].values, target, step[4] * blockSize);
  }
}
