package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;

/**
 * Chooses a core for each tile and puts the weights it needs into that core's store.
 *
 * <p>Tiles that share weights or accumulators form a unit, which stays on one core. One after
 * another they go where they are done first, given where their operands are.
 */
final class Placer {
  /** Cycles that are no reason to load one core with more weights than another. */
  private static final int HARDLY_LATER = 6;

  private final HardwareConfig config;
  private final List<WeightStore> stores;
  private final RowCuts cuts;
  private final List<Integer> preference;
  private final int hardlyLater;
  private boolean full;

  /**
   * @param seed 0 for the usual choice between what looks alike, others for other choices
   */
  Placer(HardwareConfig config, List<WeightStore> stores, RowCuts cuts, long seed) {
    this.config = config;
    this.cuts = cuts;
    this.stores = stores;
    Random random = new Random(seed);
    List<Integer> cores = new ArrayList<>(IntStream.range(0, config.numCores()).boxed().toList());
    if (seed != 0) {
      Collections.shuffle(cores, random);
    }
    this.preference = List.copyOf(cores);
    this.hardlyLater = seed == 0 ? HARDLY_LATER : random.nextInt(2 * HARDLY_LATER);
  }

  /** Tiles that must be on one core. */
  private static final class Unit {
    final List<Tile> tiles = new ArrayList<>();
    final Set<WeightStore.RowPiece> rows = new LinkedHashSet<>();
    int blocks;

    /** Whether it holds a piece of a row that was cut to load the cores evenly. */
    boolean isCut;

    int layer() {
      return tiles.get(0).layer();
    }
  }

  /** Weights as tiles with the same choice of cores read them; others may have them elsewhere. */
  private record OwnRow(WeightStore.RowPiece piece, List<Integer> cores) {}

  Placement place(TileGraph graph) {
    int[] core = new int[graph.tiles().size()];
    Arrays.fill(core, Placement.ANYWHERE);
    Trial trial = new Trial(graph, core);
    for (Unit unit : units(graph)) {
      int chosen = best(unit, trial);
      trial.place(unit, chosen);
      for (WeightStore.RowPiece row : unit.rows) {
        stores.get(chosen).add(row);
      }
    }
    if (full) {
      throw doesNotFit();
    }
    return new Placement(Arrays.stream(core).boxed().toList());
  }

  /** When the units placed so far would be done, and how long the cores' own units are taken. */
  private final class Trial {
    private final int[] coreOfTile;
    private final TileTiming timing;
    private final long[][] freeAt = new long[config.numCores()][2];
    private final Map<Integer, long[]> workOfLayer = new HashMap<>();

    Trial(TileGraph graph, int[] coreOfTile) {
      this.coreOfTile = coreOfTile;
      this.timing = new TileTiming(graph, config.timing());
    }

    /** Runs a unit on a core; gives when its last tile is there. */
    private long run(Unit unit, int core) {
      long end = 0;
      for (Tile tile : unit.tiles) {
        coreOfTile[tile.id()] = core;
        if (timing.isEarly(tile.id())) {
          continue;
        }
        int kind = TileTiming.isMatrixWork(tile) ? 0 : 1;
        long start = Math.max(freeAt[core][kind], timing.readyAt(tile, core, coreOfTile));
        timing.start(tile, start);
        freeAt[core][kind] = start + timing.busy(tile);
        end = Math.max(end, timing.doneAt(tile.id()));
      }
      return end;
    }

    /** Places a unit for good. */
    void place(Unit unit, int core) {
      run(unit, core);
      ofLayer(unit.layer())[core] += unit.blocks;
    }

    long workInLayer(int layer, int core) {
      return ofLayer(layer)[core];
    }

    private long[] ofLayer(int layer) {
      return workOfLayer.computeIfAbsent(layer, l -> new long[config.numCores()]);
    }

    /** When a unit would be done on a core, without placing it. */
    long endOn(Unit unit, int core) {
      long[] before = freeAt[core].clone();
      long end = run(unit, core);
      freeAt[core] = before;
      return end;
    }
  }

  private List<Integer> allowedCores(Unit unit) {
    List<Integer> allowed =
        preference.stream()
            .filter(
                core ->
                    unit.tiles.stream()
                        .allMatch(tile -> tile.cores().isEmpty() || tile.cores().contains(core)))
            .toList();
    return allowed.isEmpty() ? preference : allowed;
  }

  /**
   * Where the unit's weights are, else where it is done first; weights may go where most room is.
   */
  private int best(Unit unit, Trial trial) {
    List<Integer> allowed = allowedCores(unit);
    List<Integer> fitting = allowed.stream().filter(core -> fits(unit, core)).toList();
    if (fitting.isEmpty()) {
      full = true;
      return roomiest(allowed);
    }
    for (int core : fitting) {
      if (!unit.rows.isEmpty() && stores.get(core).holdsAll(unit.rows)) {
        return core;
      }
    }
    if (unit.isCut) {
      return leastLoaded(fitting, unit, trial);
    }
    long[] ends = fitting.stream().mapToLong(core -> trial.endOn(unit, core)).toArray();
    long first = Arrays.stream(ends).min().orElseThrow();
    List<Integer> soonEnough = new ArrayList<>();
    for (int i = 0; i < ends.length; i++) {
      if (ends[i] <= first + (unit.rows.isEmpty() ? 0 : hardlyLater)) {
        soonEnough.add(fitting.get(i));
      }
    }
    return unit.rows.isEmpty() ? soonEnough.get(0) : leastLoaded(soonEnough, unit, trial);
  }

  /** The core with the least work in the unit's layer; where stores fill up, with most room. */
  private int leastLoaded(List<Integer> cores, Unit unit, Trial trial) {
    if (cores.stream().anyMatch(this::isHalfFull)) {
      return roomiest(cores);
    }
    return cores.stream()
        .min(Comparator.comparingLong(core -> trial.workInLayer(unit.layer(), core)))
        .orElseThrow();
  }

  private boolean isHalfFull(int core) {
    return 2 * stores.get(core).used() >= config.weightStoreDepth();
  }

  private int roomiest(List<Integer> cores) {
    return cores.stream()
        .min(Comparator.comparingInt(core -> stores.get(core).used()))
        .orElseThrow();
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
    Map<OwnRow, Integer> ownerOfRow = new HashMap<>();
    for (Tile tile : graph.tiles()) {
      for (int partner : partners(graph, tile)) {
        unite(parent, tile.id(), partner);
      }
      if (tile.op() instanceof TileOp.MatVec sum) {
        for (TileOp.Segment segment : sum.segments()) {
          OwnRow row = new OwnRow(cuts.pieceOf(segment), tile.cores());
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
    if (tile.op() instanceof TileOp.MatVec sum) {
      for (TileOp.Segment segment : sum.segments()) {
        unit.rows.add(cuts.pieceOf(segment));
        unit.isCut |= cuts.isCut(segment);
        unit.blocks += segment.inputs().size();
      }
    }
  }

  static boolean isMade(TileOp op) {
    return !(op instanceof TileOp.FromInput
        || op instanceof TileOp.Fixed
        || op instanceof TileOp.FromState);
  }

  /** The operands that a tile takes from accumulators or builds on in place. */
  private List<Integer> partners(TileGraph graph, Tile tile) {
    List<Integer> partners = new ArrayList<>();
    if (tile.op() instanceof TileOp.LstmCellState cell) {
      partners.addAll(List.of(cell.inputGate(), cell.forgetGate(), cell.candidate()));
    } else if (tile.op() instanceof TileOp.LstmHidden hidden) {
      partners.addAll(List.of(hidden.outputGate(), hidden.cell()));
    } else if (tile.op() instanceof TileOp.MatVec sum) {
      IntStream.concat(sum.initial().stream(), sum.addend().stream())
          .filter(other -> !isOfAnotherPiece(sum, graph.tile(other)))
          .forEach(partners::add);
    } else if (tile.op() instanceof TileOp.MultiplyAdd sum) {
      partners.add(sum.sum());
    } else if (tile.op() instanceof TileOp.Fold fold) {
      partners.add(fold.initial());
    }
    partners.removeIf(partner -> !isMade(graph.tile(partner).op()));
    return partners;
  }

  /** Whether a sum goes on, after another piece of a row, with the next. */
  private boolean isOfAnotherPiece(TileOp.MatVec sum, Tile start) {
    return start.op() instanceof TileOp.MatVec before && (cuts.isCut(sum) || cuts.isCut(before));
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
