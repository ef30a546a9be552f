package org.nnirbridge.latency;

import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.Timing;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;

/**
 * Estimates the cycles of an inference by running all cores' instruction streams against the timing
 * of their units; values play no part.
 *
 * <p>A core issues one instruction a cycle to its unit, which starts it when the unit and all
 * blocks it reads are ready and nothing still reads the block it writes.
 */
public final class LatencyEstimator {
  /** Long enough before the input that all work on earlier state is done. */
  private static final long IDLE_CYCLES = 1L << 40;

  private final Program program;
  private final Model model;
  private final Timing timing;
  private final int[] firstWords;
  private final int linkCapacity;
  private final List<CoreClock> cores = new ArrayList<>();
  private long inputStart;
  private long outputFreeAt;
  private long lastOutputAt;
  private long firstOutputAt = Long.MAX_VALUE;

  private LatencyEstimator(Program program, int modelIndex, int linkCapacity, boolean spaced) {
    this.program = program;
    this.model = program.models().get(modelIndex);
    this.timing = program.config().timing();
    this.firstWords = firstWords(model.inputs(), program.config().blockSize());
    this.linkCapacity = linkCapacity;
    this.inputStart = spaced ? 0 : 1;
    long start = spaced ? -IDLE_CYCLES : 0;
    for (int core = 0; core < program.images().size(); core++) {
      cores.add(
          new CoreClock(
              model.code().get(core),
              program.images().get(core),
              program.images().size(),
              timing.queueDepth(),
              start));
    }
  }

  /**
   * The cycles of one inference.
   *
   * @param writeQueueCapacity how many blocks may wait on a link from one core to another
   * @param outputBufferCapacity how many output words may wait for the host, which takes one a
   *     cycle
   * @param spaced after idle time, in which work on earlier state is done; else right after another
   * @throws InvalidArgument when a capacity is too small for the program to run at all
   */
  public static CycleSummary estimate(
      Program program,
      int modelIndex,
      int writeQueueCapacity,
      int outputBufferCapacity,
      boolean spaced) {
    if (writeQueueCapacity < 1 || outputBufferCapacity < 1) {
      throw new InvalidArgument(
          "write_queue_capacity is %d and output_buffer_capacity %d; both must be at least 1"
              .formatted(writeQueueCapacity, outputBufferCapacity));
    }
    return new LatencyEstimator(program, modelIndex, writeQueueCapacity, spaced).simulate();
  }

  private CycleSummary simulate() {
    boolean progress = true;
    while (progress) {
      progress = false;
      for (int core = 0; core < cores.size(); core++) {
        while (!cores.get(core).isDone() && advance(core)) {
          progress = true;
        }
      }
    }
    if (!cores.stream().allMatch(CoreClock::isDone)) {
      throw new InvalidArgument(
          "write_queue_capacity=%d is too small for model %s: its cores wait for each other for ever; use a larger one"
              .formatted(linkCapacity, model.name()));
    }
    long select = program.models().size() > 1 ? timing.selectLatency() : 0;
    long cycles = lastOutputAt + select;
    return new CycleSummary(
        cycles,
        Map.of(
            "total",
            cycles,
            "first_output",
            Math.min(firstOutputAt, lastOutputAt) + select,
            "last_input",
            (long) firstWords[model.inputs().size()],
            "model_selection",
            select,
            "busiest_matrix_unit",
            cores.stream().mapToLong(core -> core.matrixBusy).max().orElse(0)));
  }

  /** For each input the number of words of those before it; last, of all of them. */
  private static int[] firstWords(List<Port> inputs, int blockSize) {
    int[] firstWords = new int[inputs.size() + 1];
    for (int i = 0; i < inputs.size(); i++) {
      firstWords[i + 1] = firstWords[i] + inputs.get(i).words(blockSize);
    }
    return firstWords;
  }

  /** Runs a core's next instruction; false when it must wait for another core. */
  private boolean advance(int core) {
    CoreClock clock = cores.get(core);
    Instruction instruction = clock.instruction();
    Unit unit = Unit.of(instruction.opcode());
    if (mustWait(core, instruction)) {
      return false;
    }
    long start = clock.earliestStart(unit);
    long busy;
    switch (instruction.opcode()) {
      case READ -> busy = read(clock, instruction, start);
      case WRITE -> busy = write(clock, instruction, start);
      case SEND -> busy = send(core, instruction, start);
      case RECEIVE -> busy = receive(clock, instruction, start);
      case CLEAR -> busy = makeBlock(clock, instruction, start, 1, 1, 1);
      case LOAD -> busy = makeBlock(clock, instruction, start, 1, 1, 2);
      case MATVEC -> busy = multiply(clock, instruction, start);
      case STORE -> busy = makeBlock(clock, instruction, start, 1, 1, timing.storeLatency());
      case MAP -> busy = makeBlock(clock, instruction, start, 1, 1, timing.vectorLatency());
      case ZIP -> busy = makeBlock(clock, instruction, start, 1, 2, timing.vectorLatency());
      case BOUND -> busy = makeBlock(clock, instruction, start, 1, 1, timing.vectorLatency());
      case MULTIPLY_ADD ->
          busy = makeBlock(clock, instruction, start, 1, 3, timing.vectorLatency());
      case LANES_MOVE -> busy = makeBlock(clock, instruction, start, 2, 1, timing.vectorLatency());
      case LSTM_CELL -> busy = makeBlock(clock, instruction, start, 1, 4, timing.lstmLatency());
      case LSTM_HIDDEN -> busy = makeBlock(clock, instruction, start, 1, 2, timing.lstmLatency());
      case FOLD -> busy = fold(clock, instruction, start);
      case SELECT -> busy = makeBlock(clock, instruction, start, 1, 3, timing.vectorLatency());
      default -> throw new IllegalStateException("no timing for " + instruction.opcode());
    }
    clock.finish(unit, busy);
    return true;
  }

  /** Whether an instruction waits for a link that is full or empty. */
  private boolean mustWait(int core, Instruction instruction) {
    return switch (instruction.opcode()) {
      case SEND -> !hasRoom(core, instruction);
      case RECEIVE ->
          cores.get(core).arrivals.get(instruction.field(1)).size() < instruction.field(2);
      default -> false;
    };
  }

  /** One block from others; the sources' fields start at an index. Gives when the unit is free. */
  private static long makeBlock(
      CoreClock clock,
      Instruction instruction,
      long earliest,
      int firstSource,
      int sources,
      int latency) {
    long start = earliest;
    for (int i = 0; i < sources; i++) {
      int field = instruction.opcode() == Opcode.CLEAR ? 0 : firstSource + i;
      start = Math.max(start, clock.readyAt[clock.block(instruction.field(field))]);
    }
    int target = clock.block(instruction.field(0));
    start = Math.max(start, clock.lastReadAt[target] - latency + 1);
    for (int i = 0; i < sources && instruction.opcode() != Opcode.CLEAR; i++) {
      noteRead(clock, clock.block(instruction.field(firstSource + i)), start);
    }
    clock.readyAt[target] = start + latency;
    clock.mayAddAt[target] = start + latency;
    return start + 1;
  }

  /** A fold keeps its unit for some cycles; the next one of a chain builds on it right after. */
  private long fold(CoreClock clock, Instruction instruction, long earliest) {
    int initial = clock.block(instruction.field(1));
    int source = clock.block(instruction.field(2));
    int target = clock.block(instruction.field(0));
    long start = Math.max(earliest, clock.mayAddAt[initial]);
    start = Math.max(start, clock.readyAt[source]);
    start = Math.max(start, clock.lastReadAt[target] - timing.foldInterval());
    noteRead(clock, initial, start);
    noteRead(clock, source, start);
    clock.mayAddAt[target] = start + timing.foldInterval();
    clock.readyAt[target] = start + timing.foldInterval() + timing.storeLatency();
    return start + timing.foldInterval();
  }

  private static void noteRead(CoreClock clock, int block, long at) {
    clock.lastReadAt[block] = Math.max(clock.lastReadAt[block], at);
  }

  private long multiply(CoreClock clock, Instruction instruction, long earliest) {
    int accumulator = clock.block(instruction.field(0));
    int source = clock.block(instruction.field(2));
    int count = instruction.field(3);
    long start = Math.max(earliest, clock.mayAddAt[accumulator]);
    for (int i = 0; i < count; i++) {
      start = Math.max(start, clock.readyAt[source + i] - i);
    }
    for (int i = 0; i < count; i++) {
      noteRead(clock, source + i, start + i);
    }
    clock.mayAddAt[accumulator] = start + count;
    clock.readyAt[accumulator] = start + count + timing.matrixLatency();
    clock.matrixBusy += count;
    return start + Math.max(count, timing.matrixInterval());
  }

  private long read(CoreClock clock, Instruction instruction, long earliest) {
    int firstWord = firstWords[instruction.field(1)] + instruction.field(2);
    long start = earliest;
    for (int i = 0; i < instruction.field(3); i++) {
      int target = clock.block(instruction.field(0)) + i;
      long arrives = inputStart + firstWord + i + timing.inputLatency();
      start = Math.max(start, Math.max(arrives, clock.lastReadAt[target]));
      clock.readyAt[target] = start + 1;
      start++;
    }
    return start;
  }

  private long write(CoreClock clock, Instruction instruction, long earliest) {
    long start = earliest;
    for (int i = 0; i < instruction.field(3); i++) {
      int source = clock.block(instruction.field(0)) + i;
      start = Math.max(Math.max(start, clock.readyAt[source]), outputFreeAt);
      noteRead(clock, source, start);
      start++;
      outputFreeAt = start;
      lastOutputAt = Math.max(lastOutputAt, start + timing.outputLatency());
      firstOutputAt = Math.min(firstOutputAt, start + timing.outputLatency());
    }
    return start;
  }

  private boolean hasRoom(int from, Instruction instruction) {
    for (int to = 0; to < cores.size(); to++) {
      Deque<Long> link = cores.get(to).arrivals.get(from);
      boolean addressed = (instruction.field(2) >> to & 1) != 0;
      if (addressed && !link.isEmpty() && link.size() + instruction.field(1) > linkCapacity) {
        return false;
      }
    }
    return true;
  }

  private long send(int core, Instruction instruction, long earliest) {
    CoreClock clock = cores.get(core);
    boolean wide = instruction.field(3) == NumberFormat.FP32.ordinal();
    long start = earliest;
    for (int i = 0; i < instruction.field(1); i++) {
      int source = clock.block(instruction.field(0)) + i;
      start = Math.max(start, clock.readyAt[source]);
      noteRead(clock, source, start);
      start += wide ? 2 : 1;
      for (int to = 0; to < cores.size(); to++) {
        if ((instruction.field(2) >> to & 1) != 0) {
          cores.get(to).arrivals.get(core).add(start + timing.linkLatency());
        }
      }
    }
    return start;
  }

  private static long receive(CoreClock clock, Instruction instruction, long earliest) {
    Deque<Long> link = clock.arrivals.get(instruction.field(1));
    long start = earliest;
    for (int i = 0; i < instruction.field(2); i++) {
      int target = clock.block(instruction.field(0)) + i;
      start = Math.max(start, Math.max(link.remove(), clock.lastReadAt[target]));
      clock.readyAt[target] = start;
      start++;
    }
    return start;
  }
}
