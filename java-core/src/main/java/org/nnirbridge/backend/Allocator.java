package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.isa.Region;

/**
 * Gives every temporary of a core's steps a place; places are used again once their value is dead.
 *
 * <p>Sums that LSTM units or further sums read stay in accumulators while there are any free.
 */
final class Allocator {
  private static final int MOST_SCRATCH = 8;

  private final CoreWork work;
  private final HardwareConfig config;

  private Allocator(CoreWork work, HardwareConfig config) {
    this.work = work;
    this.config = config;
  }

  /** How many accumulators, from the first, hold a sum only until it is stored. */
  static int scratchAccumulators(HardwareConfig config) {
    return Math.min(MOST_SCRATCH, config.accumStoreDepth());
  }

  static void allocate(CoreWork work, HardwareConfig config) {
    Allocator allocator = new Allocator(work, config);
    allocator.allocateAccumulators();
    work.stores.useTensor(allocator.allocateGroups(Region.TENSOR, work.stores.tensorReserved()));
    work.stores.useCell(allocator.allocateGroups(Region.CELL, work.stores.cellReserved()));
  }

  private void allocateAccumulators() {
    List<List<Local>> chains = chains();
    chains.sort(Comparator.comparingInt(chain -> chain.get(0).start));
    Set<Local> addends =
        work.steps.stream().flatMap(step -> step.addend().stream()).collect(Collectors.toSet());
    IntervalAllocator allocator =
        new IntervalAllocator(scratchAccumulators(config), config.accumStoreDepth());
    for (List<Local> chain : chains) {
      Local last = chain.get(chain.size() - 1);
      // An addend is read late; what comes next on its accumulator shall not wait for that.
      int late = addends.contains(last) ? config.timing().matrixLatency() : 0;
      int place = allocator.take(1, chain.get(0).start, last.end + late);
      for (Local sum : chain) {
        if (place < 0) {
          sum.region = Region.TENSOR;
        } else {
          sum.place = Place.in(Region.ACCUMULATOR, place);
        }
      }
    }
    boolean anySum = work.steps.stream().anyMatch(step -> step.opcode() == Opcode.MATVEC);
    work.stores.useAccumulators(anySum ? allocator.highest() : 0);
  }

  /** The sums that stay in accumulators, each list one accumulator handed on. */
  private List<List<Local>> chains() {
    Map<Local, List<Local>> chainOf = new HashMap<>();
    List<List<Local>> chains = new ArrayList<>();
    for (Step step : work.steps) {
      if (step.opcode() != Opcode.MATVEC || step.target().region != Region.ACCUMULATOR) {
        continue;
      }
      Local target = step.target();
      Local initial = step.initial().orElse(null);
      List<Local> chain;
      if (initial != null && chainOf.containsKey(initial) && initial.reads == 1) {
        chain = chainOf.get(initial);
      } else {
        chain = new ArrayList<>();
        chains.add(chain);
      }
      chain.add(target);
      chainOf.put(target, chain);
    }
    return chains;
  }

  private int allocateGroups(Region region, int base) {
    Map<Integer, List<Local>> groups = new HashMap<>();
    for (Local local : work.temporaries) {
      if (local.region == region && !local.isPlaced()) {
        groups.computeIfAbsent(local.group, group -> new ArrayList<>()).add(local);
      }
    }
    List<List<Local>> ordered = new ArrayList<>(groups.values());
    ordered.sort(Comparator.comparingInt(Allocator::start));
    IntervalAllocator allocator = new IntervalAllocator(base, Integer.MAX_VALUE / 4);
    for (List<Local> group : ordered) {
      group.sort(Comparator.comparingInt(local -> local.tile));
      int blocks = group.stream().mapToInt(Local::blocks).sum();
      int end = group.stream().mapToInt(local -> local.end).max().orElseThrow();
      int block = allocator.take(blocks, start(group), end);
      for (Local local : group) {
        local.place = Place.in(region, block);
        block += local.blocks();
      }
    }
    return allocator.highest();
  }

  private static int start(List<Local> group) {
    return group.stream().mapToInt(local -> local.start).min().orElseThrow();
  }
}
