package org.nnirbridge.backend;

import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileState;

/** Counts who reads each tile: other tiles, states and outputs. */
final class Users {
  private Users() {}

  static int[] count(TileGraph graph) {
    int[] users = new int[graph.tiles().size()];
    for (Tile tile : graph.tiles()) {
      tile.op().operands().forEach(operand -> users[operand]++);
    }
    for (TileState state : graph.states()) {
      state.sources().forEach(source -> users[source]++);
    }
    graph.outputs().forEach(words -> words.forEach(word -> users[word]++));
    return users;
  }
}
