package org.nnirbridge.backend;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;
import org.nnirbridge.isa.Window;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.Tile;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileOp;
import org.nnirbridge.tile.TileState;

/**
 * Writes each core's steps for one model in order; blocks cross to another core when made and are
 * received before their first use.
 */
final class CodeGenerator {
  /**
   * How many blocks wait on a link at most, in the order of generation. With moves of at most
   * {@link Assembler#MOST_MOVED} blocks a queue of this and twice that many can never make cores
   * wait for each other.
   */
  private static final int MOST_ON_LINK = 16;

  private final TileGraph graph;
  private final Placement placement;
  private final List<Integer> order;
  private final List<CoreWork> cores = new ArrayList<>();
  private final List<BitSet> consumers = new ArrayList<>();
  private final Map<Integer, StateSlot> slotOfTile = new HashMap<>();
  private final Map<Integer, List<OutputWord>> outputsOfTile = new HashMap<>();
  private final List<List<Deque<Integer>>> onLink = new ArrayList<>();

  private record StateSlot(int state, int tileIndex) {}

  private record OutputWord(int output, int word) {}

  /**
   * @param order the ids of all tiles in an order in which they can be made
   */
  CodeGenerator(
      TileGraph graph, Placement placement, List<Integer> order, List<CoreStores> stores) {
    this.graph = graph;
    this.placement = placement;
    this.order = order;
    for (CoreStores store : stores) {
      cores.add(new CoreWork(store));
      List<Deque<Integer>> row = new ArrayList<>();
      for (int to = 0; to < stores.size(); to++) {
        row.add(new ArrayDeque<>());
      }
      onLink.add(row);
    }
  }

  List<CoreWork> generate() {
    findConsumers();
    findOutputs();
    order.forEach(tile -> make(graph.tile(tile)));
    finishStates();
    return cores;
  }

  private void findConsumers() {
    graph.tiles().forEach(tile -> consumers.add(new BitSet()));
    for (Tile tile : graph.tiles()) {
      int core = placement.core(tile.id());
      if (core == Placement.ANYWHERE) {
        continue;
      }
      for (int operand : tile.op().operands()) {
        consumers.get(operand).set(core);
      }
    }
    for (List<Integer> words : graph.outputs()) {
      for (int tile : words) {
        consumers.get(tile).set(outputCore(tile));
      }
    }
    for (Tile tile : graph.tiles()) {
      if (tile.op() instanceof TileOp.FromState read) {
        consumers.get(tile.id()).stream().forEach(core -> openWindow(core, read.state()));
      }
    }
  }

  private int outputCore(int tile) {
    return Math.max(placement.core(tile), 0);
  }

  private void openWindow(int core, int state) {
    CoreWork work = cores.get(core);
    if (work.windowOfState.containsKey(state)) {
      return;
    }
    TileState tileState = graph.states().get(state);
    boolean cell =
        tileState.sources().stream()
            .allMatch(source -> graph.tile(source).op() instanceof TileOp.LstmCellState);
    int tileBlocks = !cell && tileState.format() == NumberFormat.FP32 ? 2 : 1;
    int entryBlocks = tileBlocks * tileState.sources().size();
    int entries = tileState.depth() + 1;
    int base =
        cell
            ? Address.of(Region.CELL, work.stores.reserveCell(entries * entryBlocks))
            : Address.of(Region.TENSOR, work.stores.reserveTensor(entries * entryBlocks));
    work.windowOfState.put(state, work.windows.size());
    work.windows.add(new Window(base, entries, entryBlocks, tileBlocks, tileState.initial()));
    for (int i = 0; i < tileState.sources().size(); i++) {
      consumers.get(tileState.sources().get(i)).set(core);
      slotOfTile.put(tileState.sources().get(i), new StateSlot(state, i));
    }
  }

  private void findOutputs() {
    for (int output = 0; output < graph.outputs().size(); output++) {
      List<Integer> words = graph.outputs().get(output);
      for (int word = 0; word < words.size(); word++) {
        outputsOfTile
            .computeIfAbsent(words.get(word), tile -> new ArrayList<>())
            .add(new OutputWord(output, word));
      }
    }
  }

  private void make(Tile tile) {
    cores.forEach(work -> work.layer = tile.layer());
    int core = placement.core(tile.id());
    if (core != Placement.ANYWHERE) {
      compute(tile, core);
      send(tile, core);
    }
    for (OutputWord word : outputsOfTile.getOrDefault(tile.id(), List.of())) {
      int from = outputCore(tile.id());
      cores
          .get(from)
          .add(
              Opcode.WRITE,
              null,
              List.of(local(tile.id(), from)),
              List.of(word.output(), word.word(), 1));
    }
  }

  private void send(Tile tile, int core) {
    int mask = 0;
    for (int to = 0; to < cores.size(); to++) {
      if (to != core && consumers.get(tile.id()).get(to)) {
        makeRoom(core, to);
        mask |= 1 << to;
        onLink.get(core).get(to).add(tile.id());
      }
    }
    if (mask != 0) {
      cores
          .get(core)
          .add(
              Opcode.SEND,
              null,
              List.of(local(tile.id(), core)),
              List.of(1, mask, tile.format().ordinal()));
    }
  }

  /** Lets a core receive the oldest block of a full link, so that the sender need not wait. */
  private void makeRoom(int from, int to) {
    Deque<Integer> link = onLink.get(from).get(to);
    if (link.size() >= MOST_ON_LINK) {
      receiveUpTo(link.peek(), to);
    }
  }

  private void finishStates() {
    for (int core = 0; core < cores.size(); core++) {
      for (int state : cores.get(core).windowOfState.keySet()) {
        for (int source : graph.states().get(state).sources()) {
          local(source, core);
        }
      }
    }
    for (List<Deque<Integer>> row : onLink) {
      for (Deque<Integer> link : row) {
        if (!link.isEmpty()) {
          throw new CompilerBug("blocks were sent that nothing receives: tiles " + link);
        }
      }
    }
  }

  /** A tile as a core sees it; brings it there when it is not yet at hand. */
  private Local local(int tile, int core) {
    CoreWork work = cores.get(core);
    Local known = work.locals.get(tile);
    if (known != null) {
      return known;
    }
    TileOp op = graph.tile(tile).op();
    if (op instanceof TileOp.Fixed fixed) {
      return work.stores.constant(fixed.values(), graph.tile(tile).format());
    }
    if (op instanceof TileOp.FromState read) {
      int window = work.windowOfState.get(read.state());
      Local entry = newLocal(tile, Region.WINDOW);
      entry.place = Place.inWindow(window, read.age(), read.offset() * work.tileBlocks(window));
      work.locals.put(tile, entry);
      return entry;
    }
    if (op instanceof TileOp.FromInput input) {
      Local read = target(tile, core);
      work.add(Opcode.READ, read, List.of(), List.of(input.port(), input.word(), 1));
      return read;
    }
    receiveUpTo(tile, core);
    return work.locals.get(tile);
  }

  private void receiveUpTo(int tile, int core) {
    int from = placement.core(tile);
    Deque<Integer> link = onLink.get(from).get(core);
    int received;
    do {
      if (link.isEmpty()) {
        throw new CompilerBug("tile " + tile + " is read on core " + core + " before it is made");
      }
      received = link.remove();
      Local copy = target(received, core);
      cores
          .get(core)
          .add(
              Opcode.RECEIVE,
              copy,
              List.of(),
              List.of(from, 1, graph.tile(received).format().ordinal()));
    } while (received != tile);
  }

  /** A new local to write a tile to: its state's slot if the core keeps that state. */
  private Local target(int tile, int core) {
    CoreWork work = cores.get(core);
    StateSlot slot = slotOfTile.get(tile);
    Local target;
    if (slot != null && work.windowOfState.containsKey(slot.state())) {
      int window = work.windowOfState.get(slot.state());
      target = newLocal(tile, Region.WINDOW);
      target.place = Place.inWindow(window, 0, slot.tileIndex() * work.tileBlocks(window));
    } else {
      target = work.temporary(newLocal(tile, regionOf(tile, core)));
    }
    work.locals.put(tile, target);
    return target;
  }

  private Local newLocal(int tile, Region region) {
    Tile made = graph.tile(tile);
    return new Local(made.format(), made.group(), tile, region);
  }

  private Region regionOf(int tile, int core) {
    TileOp op = graph.tile(tile).op();
    if (op instanceof TileOp.LstmCellState) {
      return Region.CELL;
    }
    boolean isSum = op instanceof TileOp.MatVec sum && !sum.isClamped();
    boolean leaves =
        outputsOfTile.containsKey(tile)
            || slotOfTile.containsKey(tile)
            || placement.core(tile) != core
            || consumers.get(tile).stream().anyMatch(to -> to != core);
    return isSum && graph.tile(tile).format() == NumberFormat.FP32 && !leaves
        ? Region.ACCUMULATOR
        : Region.TENSOR;
  }

  private void compute(Tile tile, int core) {
    CoreWork work = cores.get(core);
    List<Local> sources = new ArrayList<>();
    for (int operand : tile.op().operands()) {
      sources.add(local(operand, core));
    }
    Local target = target(tile.id(), core);
    int format = tile.format().ordinal();
    TileOp op = tile.op();
    if (op instanceof TileOp.MatVec sum) {
      int clamp = sum.isClamped() ? work.stores.clamp(sum.minimum(), sum.maximum()) : 0;
      work.addSum(sum, target, sources, clamp);
    } else if (op instanceof TileOp.MultiplyAdd) {
      work.add(Opcode.MULTIPLY_ADD, target, sources, List.of(format));
    } else if (op instanceof TileOp.Map map) {
      work.add(Opcode.MAP, target, sources, List.of(map.function().ordinal(), format));
    } else if (op instanceof TileOp.Zip zip) {
      work.add(Opcode.ZIP, target, sources, List.of(zip.function().ordinal(), format));
    } else if (op instanceof TileOp.ClampLanes clamp) {
      int bounds = work.stores.clamp(clamp.minimum(), clamp.maximum());
      work.add(Opcode.BOUND, target, sources, List.of(bounds, format));
    } else if (op instanceof TileOp.LstmCellState) {
      work.add(Opcode.LSTM_CELL, target, sources, List.of());
    } else if (op instanceof TileOp.LstmHidden) {
      work.add(Opcode.LSTM_HIDDEN, target, sources, List.of());
    } else if (op instanceof TileOp.Fold fold) {
      work.add(
          Opcode.FOLD, target, sources, List.of(fold.function().ordinal(), fold.lanes(), format));
    } else if (op instanceof TileOp.Select) {
      work.add(Opcode.SELECT, target, sources, List.of(format));
    } else if (op instanceof TileOp.Gather gather) {
      int lane = 0;
      for (int run = 0; run < gather.runs().size(); run++) {
        TileOp.LaneRun lanes = gather.runs().get(run);
        work.add(
            Opcode.LANES_MOVE,
            target,
            List.of(sources.get(run)),
            List.of(lane, lanes.lane(), lanes.count()));
        lane += lanes.count();
      }
    } else {
      throw new CompilerBug("tile " + tile.id() + " is not made by a core");
    }
  }
}
