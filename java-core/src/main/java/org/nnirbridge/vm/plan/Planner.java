package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VmMode;

/** Plans one model of a program. */
final class Planner {
  private final Model model;
  private final int blockSize;
  private final int threads;
  private final Dataflow flow;
  private final Roles roles;
  private final Schedule schedule;
  private final Map<Schedule.Stage, List<Tile>> tiles = new LinkedHashMap<>();
  private final MemoryLayout layout;

  /** Places that a tile's sources and starts are copied to because they do not lie together. */
  private final Map<Schedule.Stage, Map<List<Sum.Slice>, Place>> gathered = new IdentityHashMap<>();

  /** Earlier state that becomes later state, kept aside while the state changes. */
  private final Map<Cell, Place> kept = new IdentityHashMap<>();

  private final PackedWeights weights;

  Planner(Program program, Model model, VmMode mode, int threads, PackedWeights weights) {
    this.model = model;
    this.blockSize = program.config().blockSize();
    this.threads = threads;
    this.weights = weights;
    flow = DataflowReader.read(program, model, mode);
    roles = new Roles(flow);
    schedule = Schedule.of(flow, roles, blockSize, threads);
    forEachStage(stage -> tiles.put(stage, tilesOf(stage)));
    layout = new MemoryLayout(model, flow, schedule, tiles, blockSize);
    forEachStage(stage -> gathered.put(stage, gather(stage)));
    for (Cell cell : flow.cells()) {
      if (cell.next() instanceof Past) {
        kept.put(cell, layout.scratch(blockSize, layout.lastLevel()));
      }
    }
  }

  private void forEachStage(Consumer<Schedule.Stage> action) {
    for (Schedule.Phase phase : schedule.phases()) {
      phase.threads().forEach(stages -> stages.forEach(action));
    }
  }

  /** Groups the sums of a stage that have the same sources. */
  private List<Tile> tilesOf(Schedule.Stage stage) {
    Map<List<Sum.Slice>, List<Sum>> groups = new LinkedHashMap<>();
    for (Result result : stage.results()) {
      if (result instanceof Sum sum) {
        groups.computeIfAbsent(sum.slices(), slices -> new ArrayList<>()).add(sum);
      }
    }
    int most = Tile.mostRows(blockSize);
    List<Tile> grouped = new ArrayList<>();
    for (List<Sum> rows : groups.values()) {
      rows.sort(roles);
      for (int from = 0; from < rows.size(); from += most) {
        grouped.add(Tile.of(rows.subList(from, Math.min(rows.size(), from + most)), blockSize));
      }
    }
    return grouped;
  }

  private Map<List<Sum.Slice>, Place> gather(Schedule.Stage stage) {
    Map<List<Sum.Slice>, Place> places = new LinkedHashMap<>();
    for (Tile tile : tiles.get(stage)) {
      if (!places.containsKey(tile.slices()) && layout.together(tile.slices()).isEmpty()) {
        places.put(tile.slices(), layout.scratch(tile.inputs(), stage.level()));
      }
    }
    return places;
  }

  ModelPlan plan() {
    registerConstants();
    MemoryImage memory = layout.settle();
    Map<Place, Integer> moving = Steps.movingPlaces();
    int[][][][] steps = new int[schedule.phases().size()][threads][][];
    for (int phase = 0; phase < steps.length; phase++) {
      for (int thread = 0; thread < threads; thread++) {
        Steps writer = new Steps(moving);
        schedule.phases().get(phase).threads().get(thread).forEach(stage -> write(stage, writer));
        steps[phase][thread] = writer.toArray();
      }
    }
    Steps commit = new Steps(moving);
    kept.forEach((cell, place) -> commit.copy(place, layout.place(cell.next()), blockSize));
    layout
        .cells()
        .forEach(
            (cell, place) -> {
              Place oldest = new Place(place.chunk(), place.chunk().entries(), place.offset());
              Place next = kept.containsKey(cell) ? kept.get(cell) : layout.place(cell.next());
              commit.copy(oldest, next, blockSize);
            });
    int[][] commits = commit.toArray();
    int[][] outputs =
        flow.outputs().stream()
            .map(words -> words.stream().mapToInt(w -> commit.offset(layout.place(w))).toArray())
            .toArray(int[][]::new);
    int[] words = layout.words().stream().mapToInt(Chunk::base).toArray();
    List<Chunk> rings = layout.cells().values().stream().map(Place::chunk).distinct().toList();
    return new ModelPlan(
        schedule.nanoseconds(),
        memory,
        steps,
        schedule.phasesOnce(),
        schedule.phasesAhead(),
        moving(moving, rings),
        words,
        outputs,
        commits,
        rings.stream()
            .map(ring -> new ModelPlan.Ring(ring.base(), ring.size(), ring.entries()))
            .toArray(ModelPlan.Ring[]::new),
        state(rings));
  }

  private List<ModelPlan.StateCell> state(List<Chunk> rings) {
    return layout.cells().entrySet().stream()
        .map(
            cell ->
                new ModelPlan.StateCell(
                    cell.getKey().block(),
                    rings.indexOf(cell.getValue().chunk()),
                    cell.getValue().offset()))
        .sorted(Comparator.comparing(ModelPlan.StateCell::block))
        .toList();
  }

  /** Asks once for every place, so that all constants are known before places are settled. */
  private void registerConstants() {
    for (Result result : flow.results()) {
      if (result instanceof Operation operation) {
        operation.sources().forEach(layout::place);
      } else if (result instanceof Sum sum) {
        sum.slices().forEach(slice -> layout.place(slice.source()));
      }
    }
    tiles.values().forEach(all -> all.forEach(tile -> startsOf(tile)));
    flow.outputs().forEach(words -> words.forEach(layout::place));
    flow.cells().forEach(cell -> layout.place(cell.next()));
  }

  private Optional<Place> startsOf(Tile tile) {
    List<Sum.Slice> starts =
        tile.rows().stream().map(row -> new Sum.Slice(row.start(), blockSize)).toList();
    Optional<Place> together = layout.together(starts);
    if (together.isEmpty()) {
      starts.forEach(start -> layout.place(start.source()));
    }
    return together;
  }

  private static ModelPlan.Moving[] moving(Map<Place, Integer> numbers, List<Chunk> rings) {
    ModelPlan.Moving[] moving = new ModelPlan.Moving[numbers.size()];
    numbers.forEach(
        (place, number) ->
            moving[number] =
                new ModelPlan.Moving(rings.indexOf(place.chunk()), place.age(), place.offset()));
    return moving;
  }

  private void write(Schedule.Stage stage, Steps steps) {
    gathered
        .get(stage)
        .forEach(
            (slices, place) -> {
              int offset = 0;
              for (Sum.Slice slice : slices) {
                steps.copy(place.plus(offset), layout.place(slice.source()), slice.lanes());
                offset += slice.lanes();
              }
            });
    List<Products> others = new ArrayList<>();
    for (List<Tile> sameWeights : Tile.byWeights(tiles.get(stage))) {
      List<Products> products =
          sameWeights.stream().map(tile -> prepare(tile, stage, steps)).toList();
      if (products.size() > 1) {
        Products.write(products, steps);
      } else {
        others.addAll(products);
      }
    }
    Products.write(others, steps);
    stage.operations().forEach(operation -> write(operation, steps));
  }

  private Products prepare(Tile tile, Schedule.Stage stage, Steps steps) {
    Place sums = layout.place(tile.rows().get(0));
    Place start = startsOf(tile).orElse(sums);
    if (start.equals(sums)) {
      tile.rows()
          .forEach(row -> steps.copy(layout.place(row), layout.place(row.start()), blockSize));
    }
    Place source =
        layout.together(tile.slices()).orElseGet(() -> gathered.get(stage).get(tile.slices()));
    return new Products(
        tile, steps.offset(sums), steps.offset(start), steps.offset(source), weights.add(tile));
  }

  private void write(Operation operation, Steps steps) {
    Place target = layout.place(operation);
    List<Place> places = new ArrayList<>(List.of(target));
    operation.sources().forEach(source -> places.add(layout.place(source)));
    if (operation.opcode() == Opcode.LANES_MOVE) {
      int[] lanes = operation.parameters();
      if (!layout.isMadeInPlace(operation)) {
        steps.copy(target, places.get(1), blockSize);
      }
      steps.copy(target.plus(lanes[0]), places.get(2).plus(lanes[1]), lanes[2]);
    } else {
      steps.add(operation.opcode(), blockSize, places, operation.parameters());
    }
  }
}
