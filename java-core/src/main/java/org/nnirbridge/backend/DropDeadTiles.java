package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;
import org.nnirbridge.tile.TileState;

/** Drops tiles from which no output and no state that is read follows. */
final class DropDeadTiles {
  private DropDeadTiles() {}

  static TileGraph run(TileGraph graph) {
    boolean[] live = new boolean[graph.tiles().size()];
    boolean[] liveStates = new boolean[graph.states().size()];
    graph.outputs().forEach(words -> words.forEach(word -> live[word] = true));
    boolean changed = true;
    while (changed) {
      changed = spread(graph, live, liveStates);
    }
    boolean allLive = true;
    for (boolean tileLive : live) {
      allLive &= tileLive;
    }
    return allLive ? graph : rebuild(graph, live, liveStates);
  }

  /** Marks what live tiles need; true when a state came alive, whose sources may lie behind. */
  private static boolean spread(TileGraph graph, boolean[] live, boolean[] liveStates) {
    boolean changed = false;
    for (int id = live.length - 1; id >= 0; id--) {
      if (!live[id]) {
        continue;
      }
      graph.tile(id).op().operands().forEach(operand -> live[operand] = true);
      if (graph.tile(id).op() instanceof TileOp.FromState read && !liveStates[read.state()]) {
        liveStates[read.state()] = true;
        graph.states().get(read.state()).sources().forEach(source -> live[source] = true);
        changed = true;
      }
    }
    return changed;
  }

  /** Keeps dead states' sources out by keeping the states, empty, so that indices stay. */
  private static TileGraph rebuild(TileGraph graph, boolean[] live, boolean[] liveStates) {
    TileRewriter rewriter = new TileRewriter(graph);
    for (Tile tile : graph.tiles()) {
      if (live[tile.id()]) {
        rewriter.keep(tile);
      }
    }
    TileGraph built = rewriter.build();
    List<TileState> states = new ArrayList<>(built.states());
    for (int s = 0; s < liveStates.length; s++) {
      if (!liveStates[s]) {
        TileState state = states.get(s);
        states.set(
            s, new TileState(state.name(), state.format(), state.depth(), List.of(), List.of()));
      }
    }
    return new TileGraph(built.blockSize(), built.tiles(), states, built.outputs());
  }
}
