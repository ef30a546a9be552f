package org.nnirbridge.vm.plan;

import java.util.List;

/**
 * Sums of the same sources that are computed at once.
 *
 * @param rows whose results lie one after another
 * @param width the output lanes of all rows, rounded up to {@link #LANES}
 */
record Tile(List<Sum> rows, int width) {
  /** A multiple of every processor's SIMD width. */
  static final int LANES = 16;

  /** As many as a processor keeps in its registers. */
  static final int MOST_LANES = 64;

  Tile {
    rows = List.copyOf(rows);
  }

  /** A number of values, rounded up to {@link #LANES}. */
  static int aligned(int values) {
    return Math.addExact(values, LANES - 1) / LANES * LANES;
  }

  static int mostRows(int blockSize) {
    return Math.max(1, MOST_LANES / blockSize);
  }

  static Tile of(List<Sum> rows, int blockSize) {
    return new Tile(rows, aligned(rows.size() * blockSize));
  }

  List<Sum.Slice> slices() {
    return rows.get(0).slices();
  }

  int inputs() {
    return rows.get(0).inputs();
  }
}
