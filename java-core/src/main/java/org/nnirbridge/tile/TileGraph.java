package org.nnirbridge.tile;

import java.util.List;

/**
 * A model as tiles in an order in which they can be computed.
 *
 * @param blockSize the lanes of a tile
 * @param outputs for each output its tiles, word by word
 */
public record TileGraph(
    int blockSize, List<Tile> tiles, List<TileState> states, List<List<Integer>> outputs) {
  public TileGraph {
    tiles = List.copyOf(tiles);
    states = List.copyOf(states);
    outputs = List.copyOf(outputs);
  }

  public Tile tile(int id) {
    return tiles.get(id);
  }
}
