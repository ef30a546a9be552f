package org.nnirbridge.vm.plan;

import java.util.List;
import org.nnirbridge.isa.Opcode;

/**
 * The products of a tile.
 *
 * @param sums where its sums go
 * @param start where that lies which they start from
 * @param source where its inputs lie
 */
record Products(Tile tile, int sums, int start, int source, PackedWeights.Packed weights) {
  /** Whether this can be done in one step with another that comes before it. */
  boolean isLike(Products other) {
    return tile.width() == other.tile.width()
        && tile.inputs() == other.tile.inputs()
        && weights.packing() == other.weights.packing()
        && isSteady(sums, other.sums)
        && isSteady(start, other.start)
        && isSteady(source, other.source);
  }

  /** Whether two places lie at the same distance in every inference. */
  private static boolean isSteady(int a, int b) {
    return a == b || a >= 0 && b >= 0;
  }

  /** Whether this comes after another as that does after a third. */
  boolean follows(Products last, Products first) {
    return isLike(last)
        && sums - last.sums == last.sums - first.sums
        && start - last.start == last.start - first.start
        && source - last.source == last.source - first.source
        && weights.offset() - last.weights.offset()
            == last.weights.offset() - first.weights.offset();
  }

  /** One step for all products that are alike and lie at equal distances. */
  static void write(List<Products> products, Steps steps) {
    int from = 0;
    while (from < products.size()) {
      int end = from + 1;
      if (end < products.size() && products.get(end).isLike(products.get(from))) {
        end++;
        while (end < products.size()
            && products.get(end).follows(products.get(end - 1), products.get(end - 2))) {
          end++;
        }
      }
      write(products.get(from), products.get(Math.min(from + 1, end - 1)), end - from, steps);
      from = end;
    }
  }

  /**
   * The step's fields after its places: inputs, weights, packing, how many tiles, and from one tile
   * to the next the distances of sums, starts, sources and weights.
   */
  private static void write(Products first, Products second, int times, Steps steps) {
    steps.addAlone(
        Opcode.MATVEC.ordinal(),
        first.tile().width(),
        first.sums(),
        first.start(),
        first.source(),
        first.tile().inputs(),
        first.weights().offset(),
        first.weights().packing().ordinal(),
        times,
        second.sums() - first.sums(),
        second.start() - first.start(),
        second.source() - first.source(),
        second.weights().offset() - first.weights().offset());
  }
}
