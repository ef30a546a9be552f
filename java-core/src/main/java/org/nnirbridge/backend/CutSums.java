package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/** Makes a chain of sums, each of which goes on where the last one ends, of sums over cut rows. */
final class CutSums {
  private CutSums() {}

  static TileGraph run(TileGraph graph, RowCuts cuts) {
    TileRewriter rewriter = new TileRewriter(graph);
    for (Tile tile : graph.tiles()) {
      if (tile.op() instanceof TileOp.MatVec whole && cuts.isCut(whole)) {
        TileOp.MatVec sum = whole.withOperands(rewriter::newId);
        rewriter.keepAsChain(tile, sum, pieces(sum, cuts));
      } else {
        rewriter.keep(tile);
      }
    }
    return rewriter.build();
  }

  /** The segments in order, cut ones piece by piece, the others together with their neighbours. */
  private static List<List<TileOp.Segment>> pieces(TileOp.MatVec sum, RowCuts cuts) {
    List<List<TileOp.Segment>> pieces = new ArrayList<>();
    boolean goesOn = false;
    for (TileOp.Segment segment : sum.segments()) {
      if (!cuts.isCut(segment)) {
        if (!goesOn) {
          pieces.add(new ArrayList<>());
        }
        pieces.get(pieces.size() - 1).add(segment);
        goesOn = true;
        continue;
      }
      List<Integer> starts = cuts.starts(segment.matrix(), segment.rowBlock());
      for (int i = 0; i < starts.size(); i++) {
        int end = i + 1 < starts.size() ? starts.get(i + 1) : segment.inputs().size();
        pieces.add(List.of(segment.part(starts.get(i), end)));
      }
      goesOn = false;
    }
    return pieces;
  }
}
