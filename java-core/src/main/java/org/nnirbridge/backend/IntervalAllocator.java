package org.nnirbridge.backend;

import java.util.TreeMap;

/** First-fit allocation of blocks to requests that come in order of their start. */
final class IntervalAllocator {
  private final int base;
  private final int limit;

  /** By first block: what is taken, as {end block, last step of use}. */
  private final TreeMap<Integer, int[]> taken = new TreeMap<>();

  private int highest;

  /** An allocator of blocks {@code base} to {@code limit}, the latter excluded. */
  IntervalAllocator(int base, int limit) {
    this.base = base;
    this.limit = limit;
    this.highest = base;
  }

  /**
   * Takes blocks from step {@code start} to step {@code end}, both included.
   *
   * @return the first block, or -1 when there is no room
   */
  int take(int blocks, int start, int end) {
    taken.values().removeIf(use -> use[1] < start);
    int candidate = base;
    for (var entry : taken.entrySet()) {
      if (entry.getKey() - candidate >= blocks) {
        break;
      }
      candidate = Math.max(candidate, entry.getValue()[0]);
    }
    if ((long) candidate + blocks > limit) {
      return -1;
    }
    taken.put(candidate, new int[] {candidate + blocks, end});
    highest = Math.max(highest, candidate + blocks);
    return candidate;
  }

  /** One more than the highest block ever taken. */
  int highest() {
    return highest;
  }
}
