package org.nnirbridge.backend;

import org.nnirbridge.hardware.Timing;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * When tiles would be made in a spaced inference, roughly: what placement and order are chosen by.
 * Tiles that follow from earlier state alone are there from the start.
 */
final class TileTiming {
  private final TileGraph graph;
  private final Timing timing;
  private final EarlyTiles early;

  /** By tile: the cycle at which its value is there. */
  private final long[] doneAt;

  TileTiming(TileGraph graph, Timing timing) {
    this.graph = graph;
    this.timing = timing;
    this.early = new EarlyTiles(graph);
    this.doneAt = new long[graph.tiles().size()];
    for (Tile tile : graph.tiles()) {
      if (tile.op() instanceof TileOp.FromInput input) {
        doneAt[tile.id()] = timing.inputLatency() + input.word();
      }
    }
  }

  boolean isEarly(int tile) {
    return early.isEarly(tile);
  }

  static boolean isMatrixWork(Tile tile) {
    return tile.op() instanceof TileOp.MatVec;
  }

  /** Cycles for which the tile's unit takes nothing else. */
  int busy(Tile tile) {
    if (tile.op() instanceof TileOp.MatVec sum) {
      return Math.max(blocks(sum), timing.matrixInterval());
    }
    return tile.op() instanceof TileOp.Fold ? timing.foldInterval() : 1;
  }

  private static int blocks(TileOp.MatVec sum) {
    return sum.segments().stream().mapToInt(segment -> segment.inputs().size()).sum();
  }

  /** Cycles from when the unit is free again to when the value is there. */
  int latency(Tile tile) {
    TileOp op = tile.op();
    if (op instanceof TileOp.MatVec) {
      return timing.matrixLatency() + timing.storeLatency();
    }
    if (op instanceof TileOp.LstmCellState || op instanceof TileOp.LstmHidden) {
      return timing.lstmLatency();
    }
    if (op instanceof TileOp.Fold) {
      return timing.storeLatency();
    }
    return Placer.isMade(op) ? timing.vectorLatency() : 0;
  }

  /** Notes when a tile's unit starts it. */
  void start(Tile tile, long at) {
    doneAt[tile.id()] = at + busy(tile) + latency(tile);
  }

  long doneAt(int tile) {
    return doneAt[tile];
  }

  /** When a core has all operands of a tile; those of a product are read one after another. */
  long readyAt(Tile tile, int core, int[] coreOfTile) {
    long ready = 0;
    if (!(tile.op() instanceof TileOp.MatVec sum)) {
      for (int operand : tile.op().operands()) {
        ready = Math.max(ready, arrivesAt(operand, core, coreOfTile));
      }
      return ready;
    }
    if (sum.initial().isPresent()) {
      ready = startArrivesAt(graph.tile(sum.initial().getAsInt()), core, coreOfTile);
    }
    if (sum.addend().isPresent()) {
      long there = startArrivesAt(graph.tile(sum.addend().getAsInt()), core, coreOfTile);
      ready = Math.max(ready, there - blocks(sum) - timing.matrixLatency());
    }
    int position = 0;
    for (TileOp.Segment segment : sum.segments()) {
      for (int input : segment.inputs()) {
        ready = Math.max(ready, arrivesAt(input, core, coreOfTile) - position++);
      }
    }
    return ready;
  }

  /** A sum on the same core goes on before its result has left the accumulator. */
  private long startArrivesAt(Tile start, int core, int[] coreOfTile) {
    boolean goesOn = isMatrixWork(start) && coreOfTile[start.id()] == core;
    return goesOn && !early.isEarly(start.id())
        ? doneAt[start.id()] - latency(start)
        : arrivesAt(start.id(), core, coreOfTile);
  }

  private long arrivesAt(int operand, int core, int[] coreOfTile) {
    if (early.isEarly(operand)) {
      return 0;
    }
    int from = coreOfTile[operand];
    boolean crosses = from != Placement.ANYWHERE && from != core;
    return doneAt[operand] + (crosses ? timing.linkLatency() + 1 : 0);
  }
}
