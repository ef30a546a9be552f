package org.nnirbridge.latency;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.Timing;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.latency.CoreClock.Moment;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;

/**
 * Runs all cores' instruction streams against the timing of their units (machine.md); values play
 * no part. Time 0 is when the first input word comes.
 */
final class Simulation {
  /** Long enough before the input that all work on earlier state is done. */
  private static final long IDLE_CYCLES = 1L << 40;

  private final Model model;
  private final Timing timing;
  private final int[] firstWords;
  private final int linkCapacity;
  private final long inputStart;
  private final List<CoreClock> cores = new ArrayList<>();
  private final List<Event> events = new ArrayList<>();

  /** For each core when each of its output words is there. */
  private final List<List<Moment>> outputWords = new ArrayList<>();

  /**
   * @param inputStart when the first input word comes
   * @param starts by core: when its stream begins
   */
  private Simulation(
      Program program, int modelIndex, int linkCapacity, long inputStart, long[] starts) {
    this.model = program.models().get(modelIndex);
    this.timing = program.config().timing();
    this.firstWords = firstWords(model.inputs(), program.config().blockSize());
    this.linkCapacity = linkCapacity;
    this.inputStart = inputStart;
    int count = program.images().size();
    for (int core = 0; core < count; core++) {
      outputWords.add(new ArrayList<>());
      cores.add(
          new CoreClock(
              model.code().get(core),
              program.images().get(core),
              count,
              timing.queueDepth(),
              starts[core]));
    }
  }

  /**
   * Runs one inference; where it comes right after another, that one first.
   *
   * @param linkCapacity how many blocks may wait on a link
   * @param spaced after idle time, in which work on earlier state is done; else right after another
   * @throws InvalidArgument when cores wait for each other because links are too short
   */
  static Simulation run(Program program, int modelIndex, int linkCapacity, boolean spaced) {
    long[] starts = new long[program.images().size()];
    Arrays.fill(starts, -IDLE_CYCLES);
    Simulation simulation = new Simulation(program, modelIndex, linkCapacity, 0, starts);
    simulation.runAll();
    if (!spaced) {
      // The next one's time begins with the last output word of this one.
      starts = simulation.drainedAt();
      simulation = new Simulation(program, modelIndex, linkCapacity, 1, starts);
      simulation.runAll();
    }
    return simulation;
  }

  /** By core: when all its work was done, before the last output word was out. */
  private long[] drainedAt() {
    long end = lastOutput().at();
    return cores.stream().mapToLong(core -> core.drainedAt() - end).toArray();
  }

  /** For each input the number of words of those before it; last, of all of them. */
  private static int[] firstWords(List<Port> inputs, int blockSize) {
    int[] firstWords = new int[inputs.size() + 1];
    for (int i = 0; i < inputs.size(); i++) {
      firstWords[i + 1] = firstWords[i] + inputs.get(i).words(blockSize);
    }
    return firstWords;
  }

  /** All instructions, those of each core in their order. */
  List<Event> events() {
    return events;
  }

  /**
   * When the last output word is out, and the event since whose word one leaves each cycle. The
   * words of a core leave after those of the cores before it.
   */
  Moment lastOutput() {
    long free = 0;
    int since = Event.NOTHING;
    for (List<Moment> ofCore : outputWords) {
      for (Moment word : ofCore) {
        if (word.at() >= free) {
          since = word.by();
        }
        free = Math.max(free, word.at()) + 1;
      }
    }
    return new Moment(since < 0 ? 0 : free - 1 + timing.outputLatency(), since);
  }

  long firstOutputAt() {
    return outputWords.stream()
        .filter(ofCore -> !ofCore.isEmpty())
        .mapToLong(ofCore -> ofCore.get(0).at() + timing.outputLatency())
        .findFirst()
        .orElse(0);
  }

  long inputWords() {
    return firstWords[model.inputs().size()];
  }

  private void runAll() {
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
  }

  /** Runs a core's next instruction; false when it must wait for another core. */
  private boolean advance(int core) {
    CoreClock clock = cores.get(core);
    Instruction instruction = clock.instruction();
    if (mustWait(core, instruction)) {
      return false;
    }
    Unit unit = Unit.of(instruction.opcode());
    Start start = clock.earliestStart(unit);
    int event = events.size();
    long freeAt =
        switch (instruction.opcode()) {
          case READ -> read(clock, instruction, start, event);
          case WRITE -> write(core, instruction, start, event);
          case SEND -> send(core, instruction, start, event);
          case RECEIVE -> receive(clock, instruction, start, event);
          case CLEAR -> makeBlock(clock, instruction, 0, 1, start, event);
          case LOAD -> makeBlock(clock, instruction, 1, 2, start, event);
          case MATVEC -> multiply(clock, instruction, start, event);
          case STORE -> makeBlock(clock, instruction, 1, timing.storeLatency(), start, event);
          case MAP, BOUND, LANES_MOVE ->
              makeBlock(clock, instruction, 1, timing.vectorLatency(), start, event);
          case ZIP -> makeBlock(clock, instruction, 2, timing.vectorLatency(), start, event);
          case MULTIPLY_ADD, SELECT ->
              makeBlock(clock, instruction, 3, timing.vectorLatency(), start, event);
          case LSTM_CELL -> makeBlock(clock, instruction, 4, timing.lstmLatency(), start, event);
          case LSTM_HIDDEN -> makeBlock(clock, instruction, 2, timing.lstmLatency(), start, event);
          case FOLD -> fold(clock, instruction, start, event);
        };
    events.add(
        new Event(core, clock.instructionIndex(), unit, start.boundAt(), freeAt, start.cause()));
    clock.finish(unit, freeAt, event);
    return true;
  }

  /** Whether an instruction waits for a link that is full or empty. */
  private boolean mustWait(int core, Instruction instruction) {
    return switch (instruction.opcode()) {
      case SEND -> !hasRoom(core, instruction);
      case RECEIVE -> cores.get(core).waitingFrom(instruction.field(1)) < instruction.field(2);
      default -> false;
    };
  }

  /** One block from others, which the fields after the target name. Gives when the unit is free. */
  private static long makeBlock(
      CoreClock clock, Instruction instruction, int sources, int latency, Start start, int event) {
    // LANES_MOVE names the target's lane before its source.
    int first = instruction.opcode() == Opcode.LANES_MOVE ? 2 : 1;
    for (int i = 0; i < sources; i++) {
      clock.awaitValue(start, clock.block(instruction.field(first + i)), 0);
    }
    int target = clock.block(instruction.field(0));
    clock.awaitReaders(start, target, latency - 1);
    for (int i = 0; i < sources; i++) {
      clock.read(clock.block(instruction.field(first + i)), start.at(), event);
    }
    clock.write(target, start.at() + latency, start.at() + latency, event);
    return start.at() + 1;
  }

  /** A fold keeps its unit for some cycles; the next one of a chain builds on it right after. */
  private long fold(CoreClock clock, Instruction instruction, Start start, int event) {
    int initial = clock.block(instruction.field(1));
    int source = clock.block(instruction.field(2));
    int target = clock.block(instruction.field(0));
    clock.awaitSum(start, initial);
    clock.awaitValue(start, source, 0);
    clock.awaitReaders(start, target, timing.foldInterval());
    clock.read(initial, start.at(), event);
    clock.read(source, start.at(), event);
    long done = start.at() + timing.foldInterval();
    clock.write(target, done, done + timing.storeLatency(), event);
    return done;
  }

  /** The addend is read when the sum is there. */
  private long multiply(CoreClock clock, Instruction instruction, Start start, int event) {
    int accumulator = clock.block(instruction.field(0));
    int source = clock.block(instruction.field(2));
    int count = instruction.field(3);
    clock.awaitSum(start, accumulator);
    for (int i = 0; i < count; i++) {
      clock.awaitValue(start, source + i, i);
    }
    int lastSum = count + timing.matrixLatency() - 1;
    int addend = instruction.field(5) - 1;
    if (addend >= 0) {
      clock.awaitValue(start, clock.block(addend), lastSum);
    }
    for (int i = 0; i < count; i++) {
      clock.read(source + i, start.at() + i, event);
    }
    if (addend >= 0) {
      clock.read(clock.block(addend), start.at() + lastSum, event);
    }
    long done = start.at() + count;
    clock.write(accumulator, done, done + timing.matrixLatency(), event);
    return start.at() + Math.max(count, timing.matrixInterval());
  }

  private long read(CoreClock clock, Instruction instruction, Start start, int event) {
    int firstWord = firstWords[instruction.field(1)] + instruction.field(2);
    long arrives = inputStart + firstWord + timing.inputLatency();
    int target = clock.block(instruction.field(0));
    for (int i = 0; i < instruction.field(3); i++) {
      start.notBefore(arrives + i, Event.INPUT);
      clock.awaitReaders(start, target + i, 0);
      start.advance(1);
      clock.write(target + i, start.at(), start.at(), event);
    }
    return start.at();
  }

  private long write(int core, Instruction instruction, Start start, int event) {
    CoreClock clock = cores.get(core);
    int source = clock.block(instruction.field(0));
    for (int i = 0; i < instruction.field(3); i++) {
      clock.awaitValue(start, source + i, 0);
      clock.read(source + i, start.at(), event);
      start.advance(1);
      outputWords.get(core).add(new Moment(start.at(), event));
    }
    return start.at();
  }

  private boolean isAddressed(Instruction send, int core) {
    return (send.field(2) >> core & 1) != 0;
  }

  private boolean hasRoom(int from, Instruction instruction) {
    for (int to = 0; to < cores.size(); to++) {
      CoreClock receiver = cores.get(to);
      if (isAddressed(instruction, to)
          && !receiver.hasTaken(
              from, receiver.makesRoom(from, instruction.field(1), linkCapacity))) {
        return false;
      }
    }
    return true;
  }

  private long send(int core, Instruction instruction, Start start, int event) {
    CoreClock clock = cores.get(core);
    int source = clock.block(instruction.field(0));
    int count = instruction.field(1);
    boolean wide = instruction.field(3) == NumberFormat.FP32.ordinal();
    for (int to = 0; to < cores.size(); to++) {
      if (isAddressed(instruction, to)) {
        CoreClock receiver = cores.get(to);
        receiver.awaitRoom(start, core, receiver.makesRoom(core, count, linkCapacity));
      }
    }
    for (int i = 0; i < count; i++) {
      clock.awaitValue(start, source + i, 0);
      clock.read(source + i, start.at(), event);
      start.advance(wide ? 2 : 1);
      for (int to = 0; to < cores.size(); to++) {
        if (isAddressed(instruction, to)) {
          cores.get(to).arrive(core, start.at() + timing.linkLatency(), event);
        }
      }
    }
    return start.at();
  }

  private static long receive(CoreClock clock, Instruction instruction, Start start, int event) {
    int from = instruction.field(1);
    int target = clock.block(instruction.field(0));
    for (int i = 0; i < instruction.field(2); i++) {
      start.notBefore(clock.nextFrom(from).at(), clock.nextFrom(from).by());
      clock.awaitReaders(start, target + i, 0);
      clock.takeFrom(from, start.at(), event);
      clock.write(target + i, start.at(), start.at(), event);
      start.advance(1);
    }
    return start.at();
  }
}
