package org.nnirbridge.backend;

import org.nnirbridge.isa.Region;
import org.nnirbridge.numerics.NumberFormat;

/**
 * A tile as one core sees it: its own result, or a copy that came in over a link or from an input.
 */
final class Local {
  final NumberFormat format;

  /** Locals of one group lie side by side, ordered by tile. */
  final int group;

  final int tile;

  /** Which store it lies in; a sum moves to tensor RAM when the accumulators are full. */
  Region region;

  /** Where it lies, once allocated. */
  Place place;

  /** The instruction that writes it and the last that reads it. */
  int start = -1;

  int end = -1;
  int reads;

  Local(NumberFormat format, int group, int tile, Region region) {
    this.format = format;
    this.group = group;
    this.tile = tile;
    this.region = region;
  }

  boolean isPlaced() {
    return place != null;
  }

  /** Blocks it takes: a float32 block fills two of tensor RAM. */
  int blocks() {
    return region == Region.TENSOR && format == NumberFormat.FP32 ? 2 : 1;
  }
}
