package org.nnirbridge.tile;

import java.util.ArrayList;
import java.util.List;

/**
 * A run of values along the data dimension, cut into tiles of one block each.
 *
 * @param tiles the ids of the tiles; the last may be partly padding
 * @param lanes the number of values
 */
public record Vector(List<Integer> tiles, int lanes) {
  public Vector {
    tiles = List.copyOf(tiles);
  }

  /** This vector, whose last tile has no padding, and another after it. */
  public Vector append(Vector other) {
    List<Integer> all = new ArrayList<>(tiles);
    all.addAll(other.tiles);
    return new Vector(all, lanes + other.lanes);
  }
}
