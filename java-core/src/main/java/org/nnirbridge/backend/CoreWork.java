package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Window;
import org.nnirbridge.tile.TileOp;

/**
 * The steps of one core for one model, the tiles it has at hand, and its windows, while they grow.
 */
final class CoreWork {
  final CoreStores stores;
  final List<Step> steps = new ArrayList<>();
  final Map<Integer, Local> locals = new HashMap<>();
  final List<Local> temporaries = new ArrayList<>();
  final List<Window> windows = new ArrayList<>();

  /** By state: the index of its window in this core. */
  final Map<Integer, Integer> windowOfState = new LinkedHashMap<>();

  /** The operator that the next steps belong to. */
  int layer;

  CoreWork(CoreStores stores) {
    this.stores = stores;
  }

  void add(Opcode opcode, Local target, List<Local> sources, List<Integer> numbers) {
    add(new Step(opcode, target, sources, numbers, null, layer));
  }

  void addSum(TileOp.MatVec sum, Local target, List<Local> sources, int clamp) {
    add(
        new Step(
            Opcode.MATVEC, target, sources, List.of(target.format.ordinal(), clamp), sum, layer));
  }

  private void add(Step step) {
    int index = steps.size();
    steps.add(step);
    for (Local source : step.sources()) {
      source.end = index;
      source.reads++;
    }
    if (step.target() != null) {
      if (step.target().start < 0) {
        step.target().start = index;
      }
      step.target().end = Math.max(step.target().end, index);
    }
  }

  /** Makes a local that is allocated once all steps are known. */
  Local temporary(Local local) {
    temporaries.add(local);
    return local;
  }

  /** The blocks a tile of a window takes. */
  int tileBlocks(int window) {
    return windows.get(window).tileBlocks();
  }
}
