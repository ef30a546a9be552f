package org.nnirbridge.backend;

import java.util.OptionalInt;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Splits sums whose first part reads earlier state only, so that this part is done while the
 * machine waits for its input: {@code b + Wh h + Wx x -> (b + Wh h) + Wx x}, in the same order.
 */
final class HoistStateWork {
  private HoistStateWork() {}

  static TileGraph run(TileGraph graph) {
    EarlyTiles early = new EarlyTiles(graph);
    TileRewriter rewriter = new TileRewriter(graph);
    int group = graph.tiles().stream().mapToInt(Tile::group).max().orElse(0) + 1;
    for (Tile tile : graph.tiles()) {
      int split = tile.op() instanceof TileOp.MatVec sum ? early.earlySegments(sum) : 0;
      if (split == 0) {
        rewriter.keep(tile);
        continue;
      }
      TileOp.MatVec sum = ((TileOp.MatVec) tile.op()).withOperands(rewriter::newId);
      TileOp.MatVec first =
          new TileOp.MatVec(
              sum.initial(),
              sum.segments().subList(0, split),
              Float.NEGATIVE_INFINITY,
              Float.POSITIVE_INFINITY);
      int partial = rewriter.add(tile, first, NumberFormat.FP32, group++);
      rewriter.keepAs(
          tile,
          new TileOp.MatVec(
              OptionalInt.of(partial),
              sum.segments().subList(split, sum.segments().size()),
              sum.minimum(),
              sum.maximum()));
    }
    return rewriter.build();
  }
}
