package org.nnirbridge.tile;

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
}
