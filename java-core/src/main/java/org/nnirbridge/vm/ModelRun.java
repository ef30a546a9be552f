package org.nnirbridge.vm;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.vm.kernel.KernelChoice;
import org.nnirbridge.vm.kernel.Kernels;
import org.nnirbridge.vm.kernel.Packing;
import org.nnirbridge.vm.plan.ModelPlan;
import org.nnirbridge.vm.plan.ProgramPlan;

/**
 * Runs the plan of one model for a range of streams, on memory of its own, which holds the values
 * of each stream one after another.
 */
final class ModelRun implements Meeting.Phases {
  private static final Opcode[] OPCODES = Opcode.values();
  private static final NumberFormat[] FORMATS = NumberFormat.values();
  private static final UnaryFunction[] UNARY = UnaryFunction.values();
  private static final Packing[] PACKINGS = Packing.values();
  private static final BinaryFunction[] BINARY = BinaryFunction.values();

  /** What a Java array can hold. */
  private static final int MOST_VALUES = Integer.MAX_VALUE - 8;

  private final ModelPlan plan;
  private final int blockSize;
  private final VmMode mode;
  private final int[] words;
  private final float[] floats;
  private final StreamRange range;
  private final int streams;

  /** From one stream's values to the next one's. */
  private final int stride;

  private final float[] memory;
  private final int[] heads;
  private final int[] movingOffsets;
  private final PortLayout[] inputLayouts;
  private final PortLayout[] outputLayouts;
  private final NumberFormat[] inputFormats;
  private final float[] scratch;

  /** One for each part of the work. */
  private final Kernels[] kernels;

  private final Meeting meeting;

  /** Whether the phases ahead of the next inference's inputs are over, or a meeting has them. */
  private boolean isPrepared;

  ModelRun(
      Model model,
      int blockSize,
      ProgramPlan program,
      ModelPlan plan,
      VmOptions options,
      StreamRange range) {
    this.plan = plan;
    this.blockSize = blockSize;
    this.mode = options.mode();
    this.words = program.words();
    this.floats = program.floats();
    this.range = range;
    this.streams = range.count();
    this.stride = stride(plan.memory().size());
    this.memory = new float[checkedSize(stride, range)];
    this.heads = new int[plan.rings().length];
    this.movingOffsets = new int[plan.moving().length];
    this.inputLayouts = layouts(model.inputs(), blockSize);
    this.outputLayouts = layouts(model.outputs(), blockSize);
    this.inputFormats = model.inputs().stream().map(Port::format).toArray(NumberFormat[]::new);
    this.scratch = new float[largest(model.inputs())];
    int threads = plan.isShared() ? options.threads() : 1;
    this.kernels = new Kernels[threads];
    for (int thread = 0; thread < kernels.length; thread++) {
      kernels[thread] = KernelChoice.create(mode != VmMode.FLOAT32);
    }
    this.meeting = new Meeting(this, threads);
    reset();
    meeting.alone(0, plan.phasesOnce());
  }

  /** A multiple of cache lines that is odd, so that streams do not all use the same cache sets. */
  private static int stride(int size) {
    int line = 16;
    return ((size + line - 1) / line | 1) * line;
  }

  private static int checkedSize(int stride, StreamRange range) {
    long size = (long) stride * range.count();
    if (size > MOST_VALUES) {
      throw new InvalidArgument(
          "num_streams: "
              + range.all()
              + " are too many: a stream of this model takes "
              + stride
              + " values; at most "
              + MOST_VALUES / stride * (range.all() / range.count())
              + " streams of it fit");
    }
    return (int) size;
  }

  private static PortLayout[] layouts(List<Port> ports, int blockSize) {
    return ports.stream().map(port -> new PortLayout(port, blockSize)).toArray(PortLayout[]::new);
  }

  private static int largest(List<Port> ports) {
    return ports.stream().mapToInt(Port::size).max().orElse(0);
  }

  /** Of the threads that share an inference. */
  Meeting meeting() {
    return meeting;
  }

  /** Puts the state back to what it was before the first inference. */
  void reset() {
    endPreparation();
    float[] fixed = plan.memory().fixed();
    for (int base = 0; base < memory.length; base += stride) {
      System.arraycopy(fixed, 0, memory, base, fixed.length);
    }
    for (int ring = 0; ring < heads.length; ring++) {
      heads[ring] = 0;
    }
    placeMoving();
  }

  /** The blocks of state, in an order that depends on the program alone. */
  List<ModelPlan.StateCell> state() {
    return plan.state();
  }

  /** How many earlier values a block of state keeps. */
  int entries(ModelPlan.StateCell cell) {
    return plan.rings()[cell.ring()].entries();
  }

  /** The values that the state of one stream has. */
  long stateValues() {
    return state().stream().mapToLong(this::entries).sum() * blockSize;
  }

  /** Puts the streams' state into a buffer: for each block its entries, the newest first. */
  void readState(ByteBuffer target) {
    for (int stream = 0; stream < streams; stream++) {
      for (ModelPlan.StateCell cell : state()) {
        for (int age = 1; age <= entries(cell); age++) {
          target.asFloatBuffer().put(memory, entry(cell, age, stream), blockSize);
          target.position(target.position() + blockSize * Float.BYTES);
        }
      }
    }
  }

  /** Takes the streams' state from what {@link #readState} wrote. */
  void writeState(ByteBuffer source) {
    endPreparation();
    for (int stream = 0; stream < streams; stream++) {
      for (ModelPlan.StateCell cell : state()) {
        for (int age = 1; age <= entries(cell); age++) {
          source.asFloatBuffer().get(memory, entry(cell, age, stream), blockSize);
          source.position(source.position() + blockSize * Float.BYTES);
        }
      }
    }
  }

  private int entry(ModelPlan.StateCell cell, int age, int stream) {
    ModelPlan.Ring ring = plan.rings()[cell.ring()];
    int index = Math.floorMod(heads[cell.ring()] - age, ring.entries());
    return ring.base() + index * ring.entrySize() + cell.offset() + stream * stride;
  }

  /** Does what the next inference needs of the state alone, unless that has been done. */
  void prepare() {
    if (!isPrepared && plan.phasesAhead() > plan.phasesOnce()) {
      isPrepared = Workers.begin(meeting, plan.phasesOnce(), plan.phasesAhead());
    }
  }

  /** Waits until a preparation is over, and tells whether there was one. */
  private boolean endPreparation() {
    boolean wasPrepared = isPrepared;
    isPrepared = false;
    if (wasPrepared) {
      meeting.lead();
    }
    return wasPrepared;
  }

  /**
   * One inference of each stream of the range. The buffers hold the values of each stream of the
   * machine one after another, and so for each step.
   */
  void run(int step, FloatBuffer[] inputs, FloatBuffer[] outputs, boolean roundToNearestEven) {
    int first = endPreparation() ? plan.phasesAhead() : plan.phasesOnce();
    for (int input = 0; input < inputs.length; input++) {
      for (int stream = 0; stream < streams; stream++) {
        read(input, inputs[input], step, stream, roundToNearestEven);
      }
    }
    Workers.hold(meeting, first, plan.steps().length);
    for (int output = 0; output < outputs.length; output++) {
      for (int stream = 0; stream < streams; stream++) {
        write(output, outputs[output], step, stream);
      }
    }
    execute(plan.commit(), kernels[0]);
    for (int ring = 0; ring < heads.length; ring++) {
      int next = heads[ring] + 1;
      heads[ring] = next < plan.rings()[ring].entries() ? next : 0;
    }
    placeMoving();
  }

  private void read(
      int input, FloatBuffer values, int step, int stream, boolean roundToNearestEven) {
    PortLayout layout = inputLayouts[input];
    int size = layout.size();
    values.get(range.place(step, stream) * size, scratch, 0, size);
    if (mode == VmMode.FLOAT32 || inputFormats[input] == NumberFormat.FP32) {
      kernels[0].store(scratch, 0, 0, NumberFormat.FP32, size);
    } else if (roundToNearestEven) {
      kernels[0].store(scratch, 0, 0, NumberFormat.BF16, size);
    } else {
      kernels[0].truncate(scratch, 0, 0, size);
    }
    layout.scatter(scratch, memory, plan.words()[input] + stream * stride);
  }

  /** Lets the moving places follow the heads of their rings. */
  private void placeMoving() {
    ModelPlan.Moving[] moving = plan.moving();
    for (int i = 0; i < moving.length; i++) {
      ModelPlan.Ring ring = plan.rings()[moving[i].ring()];
      int entry = heads[moving[i].ring()] - moving[i].age();
      if (entry < 0) {
        entry += ring.entries();
      }
      movingOffsets[i] = ring.base() + entry * ring.entrySize() + moving[i].offset();
    }
  }

  private void write(int output, FloatBuffer values, int step, int stream) {
    PortLayout layout = outputLayouts[output];
    int[] places = plan.outputs()[output];
    int start = range.place(step, stream) * layout.size();
    for (int word = 0; word < places.length; word++) {
      int place = at(places[word]) + stream * stride;
      int base = start + layout.base(word);
      int lanes = layout.lanes(word);
      if (layout.stride() == 1) {
        values.put(base, memory, place, lanes);
      } else {
        for (int lane = 0; lane < lanes; lane++) {
          values.put(base + lane * layout.stride(), memory[place + lane]);
        }
      }
    }
  }

  @Override
  public void run(int phase, int part) {
    execute(plan.steps()[phase][part], kernels[part]);
  }

  private void execute(int[][] steps, Kernels arithmetic) {
    for (int[] step : steps) {
      if (step[0] == Opcode.MATVEC.ordinal()) {
        addProducts(step, arithmetic);
      } else {
        for (int base = 0; base < memory.length; base += stride) {
          execute(step, base, arithmetic);
        }
      }
    }
  }

  /** Products of a step, which may be for several places of each stream. */
  private void addProducts(int[] step, Kernels arithmetic) {
    int places = step[8];
    boolean sameWeights = step[12] == 0;
    if (streams == 1 || sameWeights && places >= streams) {
      for (int base = 0; base < memory.length; base += stride) {
        addProducts(step, base, 0, places, step[9], step[10], step[11], step[12], arithmetic);
      }
    } else {
      for (int place = 0; place < places; place++) {
        addProducts(step, 0, place, streams, stride, stride, stride, 0, arithmetic);
      }
    }
  }

  private void addProducts(
      int[] step,
      int base,
      int place,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride,
      Kernels arithmetic) {
    int sums = base + at(step[2]) + place * step[9];
    int start = base + at(step[3]) + place * step[10];
    int source = base + at(step[4]) + place * step[11];
    int weights = step[6] + place * step[12];
    if (mode == VmMode.FLOAT32) {
      arithmetic.addProducts(
          memory,
          sums,
          start,
          step[1],
          source,
          step[5],
          floats,
          weights,
          times,
          sumsStride,
          startStride,
          sourceStride,
          weightsStride);
    } else {
      arithmetic.addProducts(
          memory,
          sums,
          start,
          step[1],
          source,
          step[5],
          words,
          PACKINGS[step[7]],
          weights,
          times,
          sumsStride,
          startStride,
          sourceStride,
          weightsStride);
    }
  }

  private void execute(int[] step, int base, Kernels arithmetic) {
    int lanes = step[1];
    int target = base + at(step[2]);
    int source = base + at(step[3]);
    Opcode opcode = OPCODES[step[0]];
    switch (opcode) {
      case LOAD -> System.arraycopy(memory, source, memory, target, lanes);
      case STORE -> {
        NumberFormat format = FORMATS[step[4]];
        arithmetic.store(memory, target, source, format, lanes);
        bound(step, 5, target, target, format, arithmetic);
      }
      case MAP -> arithmetic.map(memory, target, source, UNARY[step[4]], FORMATS[step[5]], lanes);
      case ZIP ->
          arithmetic.zip(
              memory, target, source, base + at(step[4]), BINARY[step[5]], FORMATS[step[6]], lanes);
      case BOUND -> bound(step, 4, target, source, FORMATS[step[6]], arithmetic);
      case MULTIPLY_ADD ->
          arithmetic.multiplyAdd(
              memory,
              target,
              source,
              base + at(step[4]),
              base + at(step[5]),
              FORMATS[step[6]],
              lanes);
      case LSTM_CELL ->
          arithmetic.lstmCell(
              memory,
              target,
              source,
              base + at(step[4]),
              base + at(step[5]),
              base + at(step[6]),
              lanes);
      case LSTM_HIDDEN -> arithmetic.lstmHidden(memory, target, source, base + at(step[4]), lanes);
      case FOLD ->
          arithmetic.fold(
              memory,
              target,
              source,
              base + at(step[4]),
              BINARY[step[5]],
              step[6],
              FORMATS[step[7]],
              lanes);
      case SELECT ->
          arithmetic.select(
              memory,
              target,
              source,
              base + at(step[4]),
              base + at(step[5]),
              FORMATS[step[6]],
              lanes);
      case READ, WRITE, SEND, RECEIVE, CLEAR, MATVEC, LANES_MOVE ->
          throw new IllegalStateException(opcode + " is not a step");
    }
  }

  private void bound(
      int[] step, int bounds, int target, int source, NumberFormat format, Kernels arithmetic) {
    float minimum = Float.intBitsToFloat(step[bounds]);
    float maximum = Float.intBitsToFloat(step[bounds + 1]);
    boolean bounded = minimum != Float.NEGATIVE_INFINITY || maximum != Float.POSITIVE_INFINITY;
    if (bounded || target != source) {
      arithmetic.bound(memory, target, source, minimum, maximum, format, step[1]);
    }
  }

  private int at(int place) {
    return place >= 0 ? place : movingOffsets[~place];
  }
}
