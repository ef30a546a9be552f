package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;
import org.nnirbridge.tile.TileState;

/** Copies a tile graph tile by tile; a pass replaces or adds some on the way. */
final class TileRewriter {
  private final TileGraph graph;
  private final int[] newIds;
  private final List<Tile> tiles = new ArrayList<>();
  private int nextGroup;

  TileRewriter(TileGraph graph) {
    this.graph = graph;
    this.newIds = new int[graph.tiles().size()];
    this.nextGroup = graph.tiles().stream().mapToInt(Tile::group).max().orElse(0) + 1;
  }

  /** The new id of a tile that has been kept. */
  int newId(int tile) {
    return newIds[tile];
  }

  /** Keeps a tile with its operands renamed. */
  void keep(Tile tile) {
    keepAs(tile, tile.op().withOperands(this::newId));
  }

  /** Keeps a tile that is made in another way; the operands are new ids. */
  void keepAs(Tile tile, TileOp op) {
    newIds[tile.id()] = add(tile, op, tile.format(), tile.group());
  }

  /** Keeps a tile that is made in another way, as work of another operator on other cores. */
  void keepAs(Tile tile, int layer, List<Integer> cores, TileOp op) {
    tiles.add(new Tile(tiles.size(), op, tile.format(), tile.lanes(), tile.group(), layer, cores));
    newIds[tile.id()] = tiles.size() - 1;
  }

  /**
   * Keeps a sum piece by piece, each of which goes on in float32 where the one before it ends.
   *
   * @param sum the tile's work, whose operands are new ids
   * @param pieces its segments, in order
   */
  void keepAsChain(Tile tile, TileOp.MatVec sum, List<List<TileOp.Segment>> pieces) {
    int last = pieces.size() - 1;
    OptionalInt soFar = sum.initial();
    for (List<TileOp.Segment> piece : pieces.subList(0, last)) {
      TileOp part = TileOp.MatVec.unclamped(soFar, piece);
      soFar = OptionalInt.of(add(tile, part, NumberFormat.FP32, nextGroup++));
    }
    keepAs(
        tile,
        new TileOp.MatVec(soFar, pieces.get(last), sum.addend(), sum.minimum(), sum.maximum()));
  }

  /** Adds a tile that belongs to the work of another. */
  private int add(Tile like, TileOp op, NumberFormat format, int group) {
    tiles.add(new Tile(tiles.size(), op, format, like.lanes(), group, like.layer(), like.cores()));
    return tiles.size() - 1;
  }

  TileGraph build() {
    List<TileState> states = new ArrayList<>();
    for (TileState state : graph.states()) {
      states.add(
          new TileState(
              state.name(),
              state.format(),
              state.depth(),
              state.initial(),
              state.sources().stream().map(this::newId).toList()));
    }
    List<List<Integer>> outputs =
        graph.outputs().stream().map(words -> words.stream().map(this::newId).toList()).toList();
    return new TileGraph(graph.blockSize(), tiles, states, outputs);
  }
}
