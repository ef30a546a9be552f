package org.nnirbridge.backend;

import java.util.List;
import java.util.stream.IntStream;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;
import org.nnirbridge.tile.WeightMatrix;

/**
 * Where block rows are cut into pieces that may lie on different cores; the sum goes from core to
 * core in float32, so that its order and its bits stay. Where a row is cut depends on its matrix
 * and the board alone: all who share the matrix share the pieces.
 */
public final class RowCuts {
  /** Blocks of a row that is worth the way from core to core. */
  private static final int LONG_ROW = 16;

  private final Kind kind;
  private final HardwareConfig config;

  /** Which rows are cut. */
  public enum Kind {
    /** None. */
    NONE,
    /**
     * Those that are left when each core has as many whole rows as all others, if they are long.
     */
    LEFT_OVER,
    /** All that are long, into short pieces, which fill the stores to the end. */
    ALL
  }

  RowCuts(Kind kind, HardwareConfig config) {
    this.kind = kind;
    this.config = config;
  }

  /** Whether any row of a model is cut. */
  public static boolean cutAny(Kind kind, HardwareConfig config, TileGraph graph) {
    RowCuts cuts = new RowCuts(kind, config);
    return graph.tiles().stream()
        .anyMatch(tile -> tile.op() instanceof TileOp.MatVec sum && cuts.isCut(sum));
  }

  boolean isCut(TileOp.MatVec sum) {
    return sum.segments().stream().anyMatch(this::isCut);
  }

  /** Whether the row that a segment is of is cut. */
  boolean isCut(TileOp.Segment segment) {
    return starts(segment.matrix(), segment.rowBlock()).size() > 1;
  }

  /** The first block of each piece of a row. */
  List<Integer> starts(WeightMatrix matrix, int row) {
    int blocks = blocks(matrix.columns());
    if (kind == Kind.NONE || blocks < LONG_ROW) {
      return List.of(0);
    }
    if (kind == Kind.ALL) {
      return IntStream.range(0, blocks)
          .filter(block -> block % (LONG_ROW / 2) == 0)
          .boxed()
          .toList();
    }
    int rows = blocks(matrix.rows());
    int leftOver = rows % config.numCores();
    int place = row - (rows - leftOver);
    if (place < 0) {
      return List.of(0);
    }
    // The rows that are left, end to end, are cut into equal stretches for as many cores: at most
    // two for each row, as every further piece has to wait for the one before.
    int stretches = Math.min(config.numCores(), 2 * leftOver);
    return IntStream.concat(
            IntStream.of(0),
            IntStream.range(1, stretches)
                .map(stretch -> stretch * leftOver * blocks / stretches - place * blocks)
                .filter(start -> start > 0 && start < blocks))
        .boxed()
        .toList();
  }

  /** The piece that a segment lies in. */
  WeightStore.RowPiece pieceOf(TileOp.Segment segment) {
    WeightMatrix matrix = segment.matrix();
    int from = 0;
    int to = blocks(matrix.columns());
    for (int start : starts(matrix, segment.rowBlock())) {
      if (start > segment.firstBlock()) {
        to = start;
        break;
      }
      from = start;
    }
    return new WeightStore.RowPiece(matrix, segment.rowBlock(), from, to - from);
  }

  private int blocks(int lanes) {
    return (lanes + config.blockSize() - 1) / config.blockSize();
  }
}
