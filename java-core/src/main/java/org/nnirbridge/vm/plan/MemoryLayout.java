package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.nnirbridge.program.Model;

/**
 * Gives every value of a data flow its place in one array: what is used together lies together, and
 * results whose levels do not overlap share places.
 */
final class MemoryLayout {
  private final Dataflow flow;
  private final Schedule schedule;

  /** The results that need no input. */
  private final Set<Result> withoutInputs;

  private final int blockSize;
  private final int lastLevel;
  private final Map<List<Value>, Chunk> constants = new LinkedHashMap<>();
  private final List<Chunk> words = new ArrayList<>();
  private final Map<Cell, Place> cells = new LinkedHashMap<>();
  private final Map<Result, Place> results = new IdentityHashMap<>();
  private final List<Chunk> temporary = new ArrayList<>();
  private final Map<Result, Result> madeInPlaceOf = new IdentityHashMap<>();

  MemoryLayout(
      Model model,
      Dataflow flow,
      Schedule schedule,
      Map<Schedule.Stage, List<Tile>> tiles,
      int blockSize) {
    this.flow = flow;
    this.schedule = schedule;
    this.withoutInputs = flow.withoutInputs();
    this.blockSize = blockSize;
    this.lastLevel =
        1 + schedule.levels().values().stream().mapToInt(Integer::intValue).max().orElse(0);
    model.inputs().forEach(port -> words.add(temporary(port.words(blockSize) * blockSize)));
    List<Tile> allTiles = tiles.values().stream().flatMap(List::stream).toList();
    placeCells(allTiles, tiles.keySet());
    findResultsMadeInPlace();
    placeNewState();
    tiles.values().forEach(this::placeRows);
    tiles.values().forEach(this::placeSequences);
    placeTogether(allTiles);
    tiles.keySet().forEach(this::placeOperations);
    for (Result result : flow.results()) {
      if (madeInPlaceOf.containsKey(result)) {
        results.put(result, results.get(madeInPlaceOf.get(result)));
      }
    }
    recordUses();
  }

  private Chunk temporary(int size) {
    Chunk chunk = Chunk.of(size);
    temporary.add(chunk);
    return chunk;
  }

  /** A place of its own for one level. */
  Place scratch(int size, int level) {
    Chunk chunk = temporary(size);
    chunk.useAt(level);
    return Place.in(chunk, 0);
  }

  private void placeCells(List<Tile> tiles, Set<Schedule.Stage> stages) {
    Set<Cell> inOrderOfUse = new LinkedHashSet<>();
    for (Tile tile : tiles) {
      for (Sum.Slice slice : tile.slices()) {
        if (slice.source() instanceof Past past) {
          inOrderOfUse.add(past.cell());
        }
      }
    }
    for (Schedule.Stage stage : stages) {
      for (Operation operation : stage.operations()) {
        for (Value source : operation.sources()) {
          if (source instanceof Past past) {
            inOrderOfUse.add(past.cell());
          }
        }
      }
    }
    inOrderOfUse.addAll(flow.cells());
    Map<Integer, List<Cell>> byDepth = new TreeMap<>();
    for (Cell cell : inOrderOfUse) {
      byDepth.computeIfAbsent(cell.depth(), depth -> new ArrayList<>()).add(cell);
    }
    byDepth.forEach(
        (depth, members) -> {
          Chunk ring = Chunk.ring(members.size() * blockSize, depth);
          for (int i = 0; i < members.size(); i++) {
            cells.put(members.get(i), Place.in(ring, i * blockSize));
          }
        });
  }

  private void findResultsMadeInPlace() {
    Map<Value, Integer> uses = new HashMap<>();
    for (Result result : flow.results()) {
      result.sources().forEach(source -> uses.merge(source, 1, Integer::sum));
    }
    flow.outputs().forEach(words -> words.forEach(word -> uses.merge(word, 1, Integer::sum)));
    flow.cells().forEach(cell -> uses.merge(cell.next(), 1, Integer::sum));
    for (Result result : flow.results()) {
      if (result instanceof Operation operation
          && operation.changesFirstSource()
          && operation.sources().get(0) instanceof Operation first
          && uses.get(first) == 1) {
        madeInPlaceOf.put(operation, madeInPlaceOf.getOrDefault(first, first));
      }
    }
  }

  /**
   * Gives new state the place of the old one, which then need not be copied, where nothing reads
   * the old one any more once the new one is written. Not what needs no input: it may be there
   * before the inference of which it is the new state.
   */
  private void placeNewState() {
    Map<Cell, List<Result>> readers = new IdentityHashMap<>();
    for (Result result : flow.results()) {
      for (Value source : result.sources()) {
        if (source instanceof Past past) {
          readers.computeIfAbsent(past.cell(), key -> new ArrayList<>()).add(result);
        }
      }
    }
    Set<Cell> readAtTheEnd = Collections.newSetFromMap(new IdentityHashMap<>());
    Stream.concat(
            flow.outputs().stream().flatMap(List::stream), flow.cells().stream().map(Cell::next))
        .forEach(
            value -> {
              if (value instanceof Past past) {
                readAtTheEnd.add(past.cell());
              }
            });
    for (Cell cell : flow.cells()) {
      if (cell.depth() == 1
          && !readAtTheEnd.contains(cell)
          && cell.next() instanceof Operation next
          && next.isLaneByLane()
          && !withoutInputs.contains(next)
          && readers.getOrDefault(cell, List.of()).stream().allMatch(r -> isOver(r, next))) {
        results.putIfAbsent(next, cells.get(cell));
      }
    }
  }

  /** Whether what a result reads may be overwritten by an operation lane by lane. */
  private boolean isOver(Result reader, Operation operation) {
    return reader == operation
        || operation.sources().contains(reader)
        || schedule.levels().get(reader) < schedule.levels().get(operation);
  }

  /** Whether a result has the place of its first source. */
  boolean isMadeInPlace(Result result) {
    return madeInPlaceOf.containsKey(result);
  }

  /**
   * Puts the rows of one stage's tiles one after another where they have the same sources, and so
   * those of other sources that are multiplied by the same weights.
   */
  private void placeRows(List<Tile> tiles) {
    Map<List<Sum.Slice>, List<Tile>> bySources = new LinkedHashMap<>();
    tiles.forEach(
        tile -> bySources.computeIfAbsent(tile.slices(), key -> new ArrayList<>()).add(tile));
    Map<List<Tile.Weights>, List<Tile>> byWeights = new LinkedHashMap<>();
    for (List<Tile> sameSources : bySources.values()) {
      byWeights
          .computeIfAbsent(
              sameSources.stream().map(Tile::weights).toList(), key -> new ArrayList<>())
          .addAll(sameSources);
    }
    for (List<Tile> together : byWeights.values()) {
      Chunk chunk = temporary(together.stream().mapToInt(Tile::width).sum());
      int start = 0;
      for (Tile tile : together) {
        for (int row = 0; row < tile.rows().size(); row++) {
          results.put(tile.rows().get(row), Place.in(chunk, start + row * blockSize));
        }
        start += tile.width();
      }
    }
  }

  /** Puts results one after another that one stage's tiles multiply by the same weights. */
  private void placeSequences(List<Tile> tiles) {
    for (List<Tile> sequence : Tile.byWeights(tiles)) {
      if (sequence.size() > 1) {
        Set<Result> run = new LinkedHashSet<>();
        sequence.forEach(tile -> placeInRun(tile.slices(), run));
        placeRun(run);
      }
    }
  }

  /** Puts the remaining results one after another where neighbours come from like operations. */
  private void placeOperations(Schedule.Stage stage) {
    List<Result> run = new ArrayList<>();
    Operation last = null;
    for (Operation operation : stage.operations()) {
      if (results.containsKey(operation) || madeInPlaceOf.containsKey(operation)) {
        continue;
      }
      if (last != null && !operation.isLike(last)) {
        placeRun(run);
      }
      run.add(operation);
      last = operation;
    }
    placeRun(run);
  }

  /** Puts results one after another that a tile multiplies one after another. */
  private void placeTogether(List<Tile> tiles) {
    Set<List<Sum.Slice>> sources = new LinkedHashSet<>();
    tiles.forEach(tile -> sources.add(tile.slices()));
    List<List<Sum.Slice>> longestFirst = new ArrayList<>(sources);
    longestFirst.sort(Comparator.comparingInt((List<Sum.Slice> slices) -> -slices.size()));
    for (List<Sum.Slice> slices : longestFirst) {
      Set<Result> run = new LinkedHashSet<>();
      placeInRun(slices, run);
      placeRun(run);
    }
  }

  /** Adds to results that come one after another; what cannot be among them ends them. */
  private void placeInRun(List<Sum.Slice> slices, Set<Result> run) {
    for (int i = 0; i < slices.size(); i++) {
      Optional<Result> result = movable(slices.get(i).source());
      result.ifPresent(run::add);
      boolean inMiddle = i < slices.size() - 1;
      if (result.isEmpty() || inMiddle && slices.get(i).lanes() < blockSize) {
        placeRun(run);
      }
    }
  }

  private Optional<Result> movable(Value source) {
    if (!(source instanceof Result result)) {
      return Optional.empty();
    }
    Result first = madeInPlaceOf.getOrDefault(result, result);
    return results.containsKey(first) ? Optional.empty() : Optional.of(first);
  }

  private void placeRun(Collection<Result> run) {
    if (!run.isEmpty()) {
      Chunk chunk = temporary(run.size() * blockSize);
      int place = 0;
      for (Result result : run) {
        results.put(result, Place.in(chunk, place));
        place += blockSize;
      }
      run.clear();
    }
  }

  private void recordUses() {
    for (Result result : flow.results()) {
      int level = schedule.levels().get(result);
      results.get(result).chunk().useAt(level);
      result.sources().forEach(source -> useAt(source, level));
    }
    flow.outputs().forEach(values -> values.forEach(value -> useAt(value, lastLevel)));
    flow.cells().forEach(cell -> useAt(cell.next(), lastLevel));
    for (Result constant : flow.constants()) {
      useAt(constant, 0);
      useAt(constant, lastLevel);
    }
    // Inputs may come when what needs none is there already, or before.
    int firstReader = firstReaderOfInputs();
    for (Chunk chunk : words) {
      chunk.useAt(0);
      chunk.useAt(firstReader);
    }
  }

  private int firstReaderOfInputs() {
    return flow.results().stream()
        .filter(result -> !withoutInputs.contains(result))
        .mapToInt(schedule.levels()::get)
        .min()
        .orElse(lastLevel);
  }

  private void useAt(Value value, int level) {
    if (value instanceof Result result) {
      results.get(result).chunk().useAt(level);
    } else if (value instanceof Word word) {
      words.get(word.input()).useAt(level);
    }
  }

  /** Where a value lies. */
  Place place(Value value) {
    if (value instanceof Word word) {
      return Place.in(words.get(word.input()), word.index() * blockSize);
    }
    if (value instanceof Past past) {
      Place cell = cells.get(past.cell());
      return new Place(cell.chunk(), past.age(), cell.offset());
    }
    return value instanceof Result result ? results.get(result) : constantRun(List.of(value));
  }

  /** Where these values lie one after another, if they do. */
  Optional<Place> together(List<Sum.Slice> slices) {
    List<Value> values = slices.stream().map(Sum.Slice::source).toList();
    if (values.stream().allMatch(Constant.class::isInstance)) {
      return Optional.of(constantRun(values));
    }
    Place first = place(values.get(0));
    for (int i = 1; i < values.size(); i++) {
      boolean whole = slices.get(i - 1).lanes() == blockSize;
      if (!whole || !place(values.get(i)).equals(first.plus(i * blockSize))) {
        return Optional.empty();
      }
    }
    return Optional.of(first);
  }

  /** Constants may lie in as many places as there are uses. */
  private Place constantRun(List<Value> run) {
    return Place.in(constants.computeIfAbsent(run, key -> Chunk.of(size(key))), 0);
  }

  private int size(List<Value> run) {
    return Tile.aligned(run.size() * blockSize);
  }

  /** The level at which the results have become outputs and state. */
  int lastLevel() {
    return lastLevel;
  }

  /** The inputs' words, for each input. */
  List<Chunk> words() {
    return words;
  }

  /** The state, in order. */
  Map<Cell, Place> cells() {
    return cells;
  }

  /** Settles all bases and returns the memory as it is before the first inference. */
  MemoryImage settle() {
    int end = 0;
    for (Chunk chunk : constants.values()) {
      chunk.setBase(end);
      end += chunk.size();
    }
    int endOfConstants = end;
    Set<Chunk> rings = new LinkedHashSet<>();
    cells.values().forEach(place -> rings.add(place.chunk()));
    for (Chunk ring : rings) {
      ring.setBase(end);
      end = Math.addExact(end, Math.multiplyExact(ring.size(), ring.entries()));
    }
    float[] fixed = new float[end];
    constants.forEach((run, chunk) -> fill(fixed, chunk.base(), run));
    cells.forEach(
        (cell, place) -> {
          Chunk ring = place.chunk();
          for (int entry = 0; entry < ring.entries(); entry++) {
            int at = ring.base() + entry * ring.size() + place.offset();
            fill(fixed, at, List.of(cell.initial()));
          }
        });
    // The starts of a tile are read in whole vectors, which may reach beyond its last row.
    int size = Math.addExact(TemporaryPlaces.settle(temporary, end), Tile.LANES);
    return new MemoryImage(fixed, endOfConstants, size);
  }

  private void fill(float[] memory, int base, List<Value> run) {
    for (int i = 0; i < run.size(); i++) {
      for (int j = 0; j < blockSize; j++) {
        memory[base + i * blockSize + j] =
            Float.intBitsToFloat(((Constant) run.get(i)).bits().get(j));
      }
    }
  }
}
