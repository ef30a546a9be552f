package org.nnirbridge.latency;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Descriptor;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.CoreImage;

/** One core's time: which instruction is next, when its units and blocks are free. */
final class CoreClock {
  private final CoreCode code;
  private final int cellBase;
  private final int accumulatorBase;
  private final int queueDepth;

  /** For each block when its value is there, and since which event. */
  private final long[] readyAt;

  private final int[] readyBy;

  /** For each block when it was read last, and by which event. */
  private final long[] lastReadAt;

  private final int[] lastReadBy;

  /** For accumulators: when the next product may be added, before the sum itself is ready. */
  private final long[] mayAddAt;

  private final long[] unitFreeAt = new long[Unit.values().length];
  private final int[] unitFreeBy = new int[Unit.values().length];

  /** For each unit the instructions that it has taken last. */
  private final List<Deque<Moment>> queues;

  /** For each core that sends to this one the blocks on the link, and when blocks left it. */
  private final List<Deque<Moment>> arrivals;

  private final List<List<Moment>> taken;

  private int next;
  private long dispatchAt;
  private int dispatchBy = Event.NOTHING;

  /** A time and the event that leads to it. */
  record Moment(long at, int by) {}

  CoreClock(CoreCode code, CoreImage image, int cores, int queueDepth, long start) {
    this.code = code;
    this.queueDepth = queueDepth;
    this.cellBase = image.tensorBlocks();
    this.accumulatorBase = cellBase + image.cellBlocks();
    int blocks = accumulatorBase + image.accumulators();
    this.readyAt = filled(blocks, start);
    this.lastReadAt = filled(blocks, start);
    this.mayAddAt = filled(blocks, start);
    this.readyBy = nothing(blocks);
    this.lastReadBy = nothing(blocks);
    this.dispatchAt = start;
    Arrays.fill(unitFreeAt, start);
    Arrays.fill(unitFreeBy, Event.NOTHING);
    this.queues = deques(Unit.values().length);
    this.arrivals = deques(cores);
    this.taken =
        IntStream.range(0, cores).<List<Moment>>mapToObj(core -> new ArrayList<>()).toList();
  }

  private static long[] filled(int length, long value) {
    long[] filled = new long[length];
    Arrays.fill(filled, value);
    return filled;
  }

  private static int[] nothing(int length) {
    int[] filled = new int[length];
    Arrays.fill(filled, Event.NOTHING);
    return filled;
  }

  private static List<Deque<Moment>> deques(int count) {
    return IntStream.range(0, count).<Deque<Moment>>mapToObj(i -> new ArrayDeque<>()).toList();
  }

  /** When all units are free and all blocks there. */
  long drainedAt() {
    return LongStream.concat(Arrays.stream(unitFreeAt), Arrays.stream(readyAt)).max().orElseThrow();
  }

  boolean isDone() {
    return next == code.instructions().size();
  }

  Instruction instruction() {
    return code.instructions().get(next);
  }

  int instructionIndex() {
    return next;
  }

  int waitingFrom(int core) {
    return arrivals.get(core).size();
  }

  /** The next block on the link from a core. */
  Moment nextFrom(int core) {
    return arrivals.get(core).element();
  }

  /** Takes the next block from the link. */
  void takeFrom(int core, long at, int event) {
    arrivals.get(core).remove();
    taken.get(core).add(new Moment(at, event));
  }

  /** Puts a block on the link. */
  void arrive(int from, long at, int event) {
    arrivals.get(from).add(new Moment(at, event));
  }

  /**
   * The block whose leaving makes room for a move of blocks on the link from a core, by number; -1
   * for none. A move that is longer than the link waits until it is empty.
   */
  int makesRoom(int from, int blocks, int capacity) {
    int sent = taken.get(from).size() + arrivals.get(from).size();
    return Math.min(sent + blocks - 1 - capacity, sent - 1);
  }

  boolean hasTaken(int from, int block) {
    return block < taken.get(from).size();
  }

  /** Holds a start back until a block has left the link. */
  void awaitRoom(Start start, int from, int block) {
    if (block >= 0) {
      start.notBefore(taken.get(from).get(block).at(), taken.get(from).get(block).by());
    }
  }

  /** When the next instruction can start at the earliest: sent to its unit, and the unit free. */
  Start earliestStart(Unit unit) {
    Deque<Moment> queue = queues.get(unit.ordinal());
    if (queue.size() == queueDepth) {
      Moment taken = queue.remove();
      if (taken.at() > dispatchAt) {
        dispatchAt = taken.at();
        dispatchBy = taken.by();
      }
    }
    Start start = new Start(dispatchAt, dispatchBy);
    start.notBefore(unitFreeAt[unit.ordinal()], unitFreeBy[unit.ordinal()]);
    return start;
  }

  /** Goes on to the next instruction; this one's unit is free again at a time. */
  void finish(Unit unit, long freeAt, int event) {
    unitFreeAt[unit.ordinal()] = freeAt;
    unitFreeBy[unit.ordinal()] = event;
    queues.get(unit.ordinal()).add(new Moment(freeAt, event));
    dispatchAt++;
    next++;
  }

  /** Holds a start back until a block's value is there, which is read some cycles later. */
  void awaitValue(Start start, int block, int readAfter) {
    start.notBefore(readyAt[block] - readAfter, readyBy[block]);
  }

  /** Holds a start back until an accumulator takes a further product. */
  void awaitSum(Start start, int block) {
    start.notBefore(mayAddAt[block], readyBy[block]);
  }

  /** Holds a start back until nothing still reads a block, which is written some cycles later. */
  void awaitReaders(Start start, int block, int writtenAfter) {
    start.notBefore(lastReadAt[block] - writtenAfter, lastReadBy[block]);
  }

  void read(int block, long at, int event) {
    if (at > lastReadAt[block]) {
      lastReadAt[block] = at;
      lastReadBy[block] = event;
    }
  }

  void write(int block, long mayAdd, long ready, int event) {
    mayAddAt[block] = mayAdd;
    readyAt[block] = ready;
    readyBy[block] = event;
  }

  /** The index of a block; windows stand as at the first inference. */
  int block(int address) {
    int index = Address.index(address);
    Region region = Address.region(address);
    return switch (region) {
      case TENSOR -> index;
      case CELL -> cellBase + index;
      case ACCUMULATOR -> accumulatorBase + index;
      case WINDOW -> {
        Descriptor descriptor = code.descriptors().get(index);
        Window window = code.windows().get(descriptor.window());
        int entry = (window.entries() - descriptor.age()) % window.entries();
        yield block(window.base()) + entry * window.entryBlocks() + descriptor.offset();
      }
    };
  }
}
