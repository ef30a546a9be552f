package org.nnirbridge.vm.plan;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Sums of the same sources that are computed at once.
 *
 * @param rows whose results lie one after another
 * @param width the output lanes of all rows, rounded up to {@link #LANES}
 * @param inputs how many values are multiplied for each lane
 * @param weights what the sources are multiplied by
 */
record Tile(List<Sum> rows, int width, int inputs, Weights weights) {
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
    Weights weights =
        new Weights(
            rows.stream().map(Sum::weights).toList(),
            rows.get(0).slices().stream().map(Sum.Slice::lanes).toList());
    return new Tile(rows, aligned(rows.size() * blockSize), rows.get(0).inputs(), weights);
  }

  /** The weight blocks of each row, and how many inputs each multiplies. */
  record Weights(List<List<Sum.WeightBlock>> rows, List<Integer> lanes) {}

  /** Tiles by the same weights, in the order of their first. */
  static Collection<List<Tile>> byWeights(List<Tile> tiles) {
    return tiles.stream()
        .collect(Collectors.groupingBy(Tile::weights, LinkedHashMap::new, Collectors.toList()))
        .values();
  }

  List<Sum.Slice> slices() {
    return rows.get(0).slices();
  }
}
