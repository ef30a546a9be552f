package org.nnirbridge.latency;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
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
  final long[] readyAt;
  final long[] lastReadAt;

  /** For accumulators: when the next product may be added, before the sum itself is ready. */
  final long[] mayAddAt;

  final long[] unitFreeAt = new long[Unit.values().length];

  /** For each core that sends to this one: when each block on the link arrives. */
  final List<Deque<Long>> arrivals;

  private final int queueDepth;

  /** For each unit: when it was done with the instructions it has taken last. */
  private final List<Deque<Long>> queues;

  private int next;
  private long dispatchAt;
  long matrixBusy;

  CoreClock(CoreCode code, CoreImage image, int cores, int queueDepth, long start) {
    this.code = code;
    this.cellBase = image.tensorBlocks();
    this.accumulatorBase = cellBase + image.cellBlocks();
    int blocks = accumulatorBase + image.accumulators();
    this.readyAt = filled(blocks, start);
    this.lastReadAt = filled(blocks, start);
    this.mayAddAt = filled(blocks, start);
    this.dispatchAt = start;
    this.queueDepth = queueDepth;
    this.queues =
        Arrays.stream(Unit.values()).<Deque<Long>>map(unit -> new ArrayDeque<>()).toList();
    Arrays.fill(unitFreeAt, start);
    this.arrivals =
        IntStream.range(0, cores).<Deque<Long>>mapToObj(core -> new ArrayDeque<>()).toList();
  }

  private static long[] filled(int length, long value) {
    long[] filled = new long[length];
    Arrays.fill(filled, value);
    return filled;
  }

  /** When the next instruction can start at the earliest: sent to its unit, and the unit free. */
  long earliestStart(Unit unit) {
    Deque<Long> queue = queues.get(unit.ordinal());
    if (queue.size() == queueDepth) {
      dispatchAt = Math.max(dispatchAt, queue.remove());
    }
    return Math.max(dispatchAt, unitFreeAt[unit.ordinal()]);
  }

  /** Goes on to the next instruction; this one's unit is free again at a time. */
  void finish(Unit unit, long freeAt) {
    unitFreeAt[unit.ordinal()] = freeAt;
    queues.get(unit.ordinal()).add(freeAt);
    dispatchAt++;
    next++;
  }

  boolean isDone() {
    return next == code.instructions().size();
  }

  Instruction instruction() {
    return code.instructions().get(next);
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
