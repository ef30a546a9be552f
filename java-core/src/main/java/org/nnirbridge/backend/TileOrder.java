package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * List scheduling: the order in which placed tiles are made. Each unit of each core takes, whenever
 * it is free, the tile with the longest way to the end among those whose operands are there.
 *
 * <p>The order is a topological one, so that no two cores ever wait for each other.
 */
final class TileOrder {
  private final TileGraph graph;
  private final int[] coreOfTile;
  private final TileTiming timing;
  private final List<List<Integer>> users = new ArrayList<>();
  private final int[] operandsMissing;
  private final long[] readyAt;
  private final long[] wayToEnd;
  private final List<UnitQueue> units = new ArrayList<>();

  /** A unit of a core, matrix or vector, and the tiles that wait for it. */
  private static final class UnitQueue {
    final PriorityQueue<Integer> coming;
    final PriorityQueue<Integer> ready;
    long freeAt;

    UnitQueue(long[] readyAt, long[] wayToEnd) {
      Comparator<Integer> byId = Comparator.naturalOrder();
      coming =
          new PriorityQueue<>(
              Comparator.<Integer>comparingLong(tile -> readyAt[tile]).thenComparing(byId));
      ready =
          new PriorityQueue<>(
              Comparator.<Integer>comparingLong(tile -> -wayToEnd[tile]).thenComparing(byId));
    }

    boolean isEmpty() {
      return ready.isEmpty() && coming.isEmpty();
    }

    long nextStart(long[] readyAt) {
      return ready.isEmpty() ? Math.max(freeAt, readyAt[coming.peek()]) : freeAt;
    }
  }

  private TileOrder(TileGraph graph, Placement placement, HardwareConfig config) {
    this.graph = graph;
    this.coreOfTile = placement.cores().stream().mapToInt(Integer::intValue).toArray();
    this.timing = new TileTiming(graph, config.timing());
    int tiles = graph.tiles().size();
    this.operandsMissing = new int[tiles];
    this.readyAt = new long[tiles];
    this.wayToEnd = new long[tiles];
    graph.tiles().forEach(tile -> users.add(new ArrayList<>()));
    for (int unit = 0; unit < 2 * config.numCores(); unit++) {
      units.add(new UnitQueue(readyAt, wayToEnd));
    }
  }

  /** The ids of all tiles; those that follow from earlier state alone come first. */
  static List<Integer> of(TileGraph graph, Placement placement, HardwareConfig config) {
    return new TileOrder(graph, placement, config).order();
  }

  private List<Integer> order() {
    List<Integer> order = new ArrayList<>();
    for (Tile tile : graph.tiles()) {
      if (timing.isEarly(tile.id())) {
        order.add(tile.id());
      }
      for (int operand : tile.op().operands().stream().distinct().toList()) {
        users.get(operand).add(tile.id());
        operandsMissing[tile.id()]++;
      }
    }
    for (int id = graph.tiles().size() - 1; id >= 0; id--) {
      long after = users.get(id).stream().mapToLong(user -> wayToEnd[user]).max().orElse(0);
      wayToEnd[id] = after + timing.busy(graph.tile(id)) + timing.latency(graph.tile(id));
    }
    for (Tile tile : graph.tiles()) {
      if (timing.isEarly(tile.id())) {
        release(tile.id());
      }
    }
    for (Tile tile : graph.tiles()) {
      if (tile.op() instanceof TileOp.FromInput) {
        order.add(tile.id());
        release(tile.id());
      }
    }
    for (UnitQueue unit = next(); unit != null; unit = next()) {
      run(unit, order);
    }
    return order;
  }

  /** The unit that can start first; null when all is done. */
  private UnitQueue next() {
    UnitQueue first = null;
    for (UnitQueue unit : units) {
      if (!unit.isEmpty()
          && (first == null || unit.nextStart(readyAt) < first.nextStart(readyAt))) {
        first = unit;
      }
    }
    return first;
  }

  private void run(UnitQueue unit, List<Integer> order) {
    long start = unit.nextStart(readyAt);
    while (!unit.coming.isEmpty() && readyAt[unit.coming.peek()] <= start) {
      unit.ready.add(unit.coming.remove());
    }
    int tile = unit.ready.remove();
    timing.start(graph.tile(tile), start);
    unit.freeAt = start + timing.busy(graph.tile(tile));
    order.add(tile);
    release(tile);
  }

  private void release(int made) {
    for (int user : users.get(made)) {
      operandsMissing[user]--;
      if (operandsMissing[user] == 0 && !timing.isEarly(user)) {
        int core = coreOfTile[user];
        readyAt[user] = timing.readyAt(graph.tile(user), core, coreOfTile);
        int unit = 2 * core + (TileTiming.isMatrixWork(graph.tile(user)) ? 0 : 1);
        units.get(unit).coming.add(user);
      }
    }
  }
}
