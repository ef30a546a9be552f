package org.nnirbridge.backend;

import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Tells which tiles follow from states and constants alone, so that they can be made before an
 * input arrives.
 */
final class EarlyTiles {
  private final boolean[] needsInput;
  private final boolean[] readsState;

  EarlyTiles(TileGraph graph) {
    needsInput = new boolean[graph.tiles().size()];
    readsState = new boolean[graph.tiles().size()];
    for (Tile tile : graph.tiles()) {
      needsInput[tile.id()] = tile.op() instanceof TileOp.FromInput;
      readsState[tile.id()] = tile.op() instanceof TileOp.FromState;
      for (int operand : tile.op().operands()) {
        needsInput[tile.id()] |= needsInput[operand];
        readsState[tile.id()] |= readsState[operand];
      }
    }
  }

  boolean isEarly(int tile) {
    return !needsInput[tile];
  }

  /** Whether a sum that needs an input has one that follows from a state added to it. */
  boolean isAddedToEarlyState(Tile tile) {
    if (!needsInput[tile.id()]
        || !(tile.op() instanceof TileOp.MatVec sum)
        || sum.addend().isEmpty()) {
      return false;
    }
    int addend = sum.addend().getAsInt();
    return !needsInput[addend] && readsState[addend];
  }

  /** How many segments of a sum, from its first, are early; 0 when none of them reads a state. */
  int earlySegments(TileOp.MatVec sum) {
    int early = 0;
    boolean anyState = false;
    for (TileOp.Segment segment : sum.segments()) {
      if (segment.inputs().stream().anyMatch(input -> needsInput[input])) {
        break;
      }
      anyState |= segment.inputs().stream().anyMatch(input -> readsState[input]);
      early++;
    }
    boolean earlyStart = sum.initial().isEmpty() || isEarly(sum.initial().getAsInt());
    return anyState && earlyStart && early < sum.segments().size() ? early : 0;
  }
}
