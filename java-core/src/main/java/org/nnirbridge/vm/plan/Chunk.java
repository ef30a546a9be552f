package org.nnirbridge.vm.plan;

/** Values that lie one after another in a machine's memory. */
final class Chunk {
  private final int size;
  private final int entries;
  private int firstLevel = Integer.MAX_VALUE;
  private int lastLevel = -1;
  private int base;

  private Chunk(int size, int entries) {
    this.size = size;
    this.entries = entries;
  }

  static Chunk of(int size) {
    return new Chunk(size, 1);
  }

  /** A ring of entries, one for each age that a cell can be read at. */
  static Chunk ring(int entrySize, int entries) {
    return new Chunk(entrySize, entries);
  }

  /** The values of one entry. */
  int size() {
    return size;
  }

  int entries() {
    return entries;
  }

  /** Keeps its place to itself at a level. */
  void useAt(int level) {
    firstLevel = Math.min(firstLevel, level);
    lastLevel = Math.max(lastLevel, level);
  }

  int firstLevel() {
    return firstLevel;
  }

  int lastLevel() {
    return lastLevel;
  }

  int base() {
    return base;
  }

  void setBase(int offset) {
    base = offset;
  }
}
