package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Splits sums whose first part reads earlier state only, so that this part is done while the
 * machine waits for its input: {@code b + W0 x0 + W1 x1 -> (b + W0 x0) + W1 x1}, in the same order.
 * What then goes on in an accumulator, or is added to such a sum, is cut up further, as nothing is
 * lost by it and a piece can start before the inputs of the next are there.
 */
final class HoistStateWork {
  /** Blocks of a piece at least; below, instructions cost more than an early start gains. */
  private static final int PIECE = 6;

  private HoistStateWork() {}

  static TileGraph run(TileGraph graph) {
    EarlyTiles early = new EarlyTiles(graph);
    TileRewriter rewriter = new TileRewriter(graph);
    for (Tile tile : graph.tiles()) {
      int split = tile.op() instanceof TileOp.MatVec sum ? early.earlySegments(sum) : 0;
      if (split > 0 || early.isAddedToEarlyState(tile)) {
        TileOp.MatVec sum = ((TileOp.MatVec) tile.op()).withOperands(rewriter::newId);
        rewriter.keepAsChain(tile, sum, pieces(sum.segments(), split));
      } else {
        rewriter.keep(tile);
      }
    }
    return rewriter.build();
  }

  /** The early segments together, then the pieces of the others. */
  private static List<List<TileOp.Segment>> pieces(List<TileOp.Segment> segments, int early) {
    List<List<TileOp.Segment>> pieces = new ArrayList<>();
    if (early > 0) {
      pieces.add(segments.subList(0, early));
    }
    for (TileOp.Segment segment : segments.subList(early, segments.size())) {
      int blocks = segment.inputs().size();
      int count = Math.max(1, blocks / PIECE);
      for (int i = 0; i < count; i++) {
        pieces.add(List.of(segment.part(blocks * i / count, blocks * (i + 1) / count)));
      }
    }
    return pieces;
  }
}
