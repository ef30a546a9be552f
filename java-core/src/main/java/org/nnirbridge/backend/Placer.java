package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Chooses a core for each tile and puts the weights it needs into that core's store.
 *
 * <p>Tiles that share weights or accumulators form a unit, which stays on one core. Within a layer
 * the units go to the core with the least work so far.
 */
final class Placer {
  private final HardwareConfig config;
  private final List<WeightStore> stores;
  private boolean full;

  Placer(HardwareConfig config, List<WeightStore> stores) {
    this.config = config;
    this.stores = stores;
  }

  /** Tiles that must be on one core. */
  private static final class Unit {
    final List<Tile> tiles = new ArrayList<>();
    final Set<WeightStore.BlockRow> rows = new LinkedHashSet<>();
    int work;

    int layer() {
      return tiles.get(0).layer();
    }
  }

  Placement place(TileGraph graph) {
    int[] core = new int[graph.tiles().size()];
    Arrays.fill(core, Placement.ANYWHERE);
    Map<Integer, long[]> workOfLayer = new HashMap<>();
    for (Unit unit : units(graph)) {
      long[] work = workOfLayer.computeIfAbsent(unit.layer(), l -> new long[config.numCores()]);
      int chosen = unit.rows.isEmpty() ? nearOperands(graph, unit, core) : -1;
      if (chosen < 0) {
        chosen = leastLoaded(unit, work);
      }
      work[chosen] += unit.work;
      for (Tile tile : unit.tiles) {
        core[tile.id()] = chosen;
      }
      for (WeightStore.BlockRow row : unit.rows) {
        stores.get(chosen).add(row);
      }
    }
    if (full) {
      throw doesNotFit();
    }
    return new Placement(Arrays.stream(core).boxed().toList());
  }

  private List<Integer> allowedCores(Unit unit) {
    List<Integer> allowed = new ArrayList<>();
    for (int c = 0; c < config.numCores(); c++) {
      int candidate = c;
      if (unit.tiles.stream()
          .allMatch(tile -> tile.cores().isEmpty() || tile.cores().contains(candidate))) {
        allowed.add(c);
      }
    }
    if (allowed.isEmpty()) {
      for (int c = 0; c < config.numCores(); c++) {
        allowed.add(c);
      }
    }
    return allowed;
  }

  private int nearOperands(TileGraph graph, Unit unit, int[] core) {
    List<Integer> allowed = allowedCores(unit);
    for (Tile tile : unit.tiles) {
      for (int operand : tile.op().operands()) {
        if (core[operand] != Placement.ANYWHERE && allowed.contains(core[operand])) {
          return core[operand];
        }
      }
    }
    return -1;
  }

  private int leastLoaded(Unit unit, long[] work) {
    List<Integer> allowed = allowedCores(unit);
    int best = -1;
    for (int c : allowed) {
      if (fits(unit, c) && (best < 0 || isBetter(unit, work, c, best))) {
        best = c;
      }
    }
    if (best < 0) {
      full = true;
      best = allowed.get(0);
      for (int c : allowed) {
        best = stores.get(c).used() < stores.get(best).used() ? c : best;
      }
    }
    return best;
  }

  private boolean isBetter(Unit unit, long[] work, int core, int best) {
    boolean stored = stores.get(core).holdsAll(unit.rows) && !unit.rows.isEmpty();
    boolean bestStored = stores.get(best).holdsAll(unit.rows) && !unit.rows.isEmpty();
    if (stored != bestStored) {
      return stored;
    }
    if (work[core] != work[best]) {
      return work[core] < work[best];
    }
    return stores.get(core).used() < stores.get(best).used();
  }

  private boolean fits(Unit unit, int core) {
    return stores.get(core).usedWith(unit.rows) <= config.weightStoreDepth();
  }

  private DoesNotFit doesNotFit() {
    int worst = 0;
    int total = 0;
    for (int c = 0; c < stores.size(); c++) {
      worst = stores.get(c).used() > stores.get(worst).used() ? c : worst;
      total += stores.get(c).used();
    }
    return new DoesNotFit(
        "weight store of core %d: needs %d blocks, has %d (all %d cores: need %d, have %d); use a larger config or fewer weights"
            .formatted(
                worst,
                stores.get(worst).used(),
                config.weightStoreDepth(),
                config.numCores(),
                total,
                config.weightStoreDepth() * config.numCores()));
  }

  private List<Unit> units(TileGraph graph) {
    int[] parent = new int[graph.tiles().size()];
    Arrays.setAll(parent, i -> i);
    Map<WeightStore.BlockRow, Integer> ownerOfRow = new HashMap<>();
    for (Tile tile : graph.tiles()) {
      for (int partner : partners(graph, tile)) {
        unite(parent, tile.id(), partner);
      }
      if (tile.op() instanceof TileOp.MatVec sum) {
        for (TileOp.Segment segment : sum.segments()) {
          WeightStore.BlockRow row = new WeightStore.BlockRow(segment.matrix(), segment.rowBlock());
          unite(parent, tile.id(), ownerOfRow.computeIfAbsent(row, r -> tile.id()));
        }
      }
    }
    Map<Integer, Unit> units = new LinkedHashMap<>();
    for (Tile tile : graph.tiles()) {
      if (isMade(tile.op())) {
        addTo(units.computeIfAbsent(find(parent, tile.id()), root -> new Unit()), tile);
      }
    }
    return new ArrayList<>(units.values());
  }

  private void addTo(Unit unit, Tile tile) {
    unit.tiles.add(tile);
    unit.work++;
    if (tile.op() instanceof TileOp.MatVec sum) {
      for (TileOp.Segment segment : sum.segments()) {
        unit.rows.add(new WeightStore.BlockRow(segment.matrix(), segment.rowBlock()));
        unit.work += segment.inputs().size();
      }
    }
  }

  static boolean isMade(TileOp op) {
    return !(op instanceof TileOp.FromInput
        || op instanceof TileOp.Fixed
        || op instanceof TileOp.FromState);
  }

  /** The operands that a tile takes from accumulators or builds on in place. */
  private static List<Integer> partners(TileGraph graph, Tile tile) {
    List<Integer> partners = new ArrayList<>();
    if (tile.op() instanceof TileOp.LstmCellState cell) {
      partners.addAll(List.of(cell.inputGate(), cell.forgetGate(), cell.candidate()));
    } else if (tile.op() instanceof TileOp.LstmHidden hidden) {
      partners.addAll(List.of(hidden.outputGate(), hidden.cell()));
    } else if (tile.op() instanceof TileOp.MatVec sum && sum.initial().isPresent()) {
      partners.add(sum.initial().getAsInt());
    } else if (tile.op() instanceof TileOp.MultiplyAdd sum) {
      partners.add(sum.sum());
    } else if (tile.op() instanceof TileOp.Fold fold) {
      partners.add(fold.initial());
    }
    partners.removeIf(partner -> !isMade(graph.tile(partner).op()));
    return partners;
  }

  private static int find(int[] parent, int i) {
    int root = i;
    while (parent[root] != root) {
      root = parent[root];
    }
    parent[i] = root;
    return root;
  }

  private static void unite(int[] parent, int a, int b) {
    int rootA = find(parent, a);
    int rootB = find(parent, b);
    parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }
}
