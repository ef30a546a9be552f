package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/** Makes a chain of sums, each of which goes on where the last one ends, of sums over cut rows. */
final class CutSums {
  private CutSums() {}

  static TileGraph run(TileGraph graph, RowCuts cuts) {
    TileRewriter rewriter = new TileRewriter(graph);
    int group = graph.tiles().stream().mapToInt(Tile::group).max().orElse(0) + 1;
    for (Tile tile : graph.tiles()) {
      if (!(tile.op() instanceof TileOp.MatVec whole && cuts.isCut(whole))) {
        rewriter.keep(tile);
        continue;
      }
      TileOp.MatVec sum = whole.withOperands(rewriter::newId);
      List<List<TileOp.Segment>> pieces = pieces(sum, cuts);
      OptionalInt soFar = sum.initial();
      for (List<TileOp.Segment> piece : pieces.subList(0, pieces.size() - 1)) {
        TileOp.MatVec part =
            new TileOp.MatVec(soFar, piece, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY);
        soFar = OptionalInt.of(rewriter.add(tile, part, NumberFormat.FP32, group++));
      }
      List<TileOp.Segment> last = pieces.get(pieces.size() - 1);
      rewriter.keepAs(tile, new TileOp.MatVec(soFar, last, sum.minimum(), sum.maximum()));
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
