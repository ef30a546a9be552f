package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Splits sums whose first part reads earlier state only, so that this part is done while the
 * machine waits for its input: {@code b + Wh h + Wx x -> (b + Wh h) + Wx x}, in the same order.
 * What then goes on in an accumulator is cut up further, as nothing is lost by it and a piece can
 * start before the inputs of the next are there.
 */
final class HoistStateWork {
  /** Blocks of a piece at least; below, instructions cost more than an early start gains. */
  private static final int PIECE = 6;

  private final EarlyTiles early;
  private final TileRewriter rewriter;
  private int group;

  private HoistStateWork(TileGraph graph) {
    this.early = new EarlyTiles(graph);
    this.rewriter = new TileRewriter(graph);
    this.group = graph.tiles().stream().mapToInt(Tile::group).max().orElse(0) + 1;
  }

  static TileGraph run(TileGraph graph) {
    HoistStateWork hoist = new HoistStateWork(graph);
    for (Tile tile : graph.tiles()) {
      int split = tile.op() instanceof TileOp.MatVec sum ? hoist.early.earlySegments(sum) : 0;
      if (split == 0) {
        hoist.rewriter.keep(tile);
      } else {
        hoist.split(tile, split);
      }
    }
    return hoist.rewriter.build();
  }

  private void split(Tile tile, int split) {
    TileOp.MatVec sum = ((TileOp.MatVec) tile.op()).withOperands(rewriter::newId);
    List<TileOp.Segment> rest = pieces(sum.segments().subList(split, sum.segments().size()));
    int last = rest.size() - 1;
    int partial = addPart(tile, sum.initial(), sum.segments().subList(0, split));
    for (TileOp.Segment piece : rest.subList(0, last)) {
      partial = addPart(tile, OptionalInt.of(partial), List.of(piece));
    }
    rewriter.keepAs(
        tile,
        new TileOp.MatVec(
            OptionalInt.of(partial), List.of(rest.get(last)), sum.minimum(), sum.maximum()));
  }

  private int addPart(Tile like, OptionalInt initial, List<TileOp.Segment> segments) {
    TileOp.MatVec part =
        new TileOp.MatVec(initial, segments, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY);
    return rewriter.add(like, part, NumberFormat.FP32, group++);
  }

  private static List<TileOp.Segment> pieces(List<TileOp.Segment> segments) {
    List<TileOp.Segment> pieces = new ArrayList<>();
    for (TileOp.Segment segment : segments) {
      int blocks = segment.inputs().size();
      int count = Math.max(1, blocks / PIECE);
      for (int i = 0; i < count; i++) {
        pieces.add(segment.part(blocks * i / count, blocks * (i + 1) / count));
      }
    }
    return pieces;
  }
}
