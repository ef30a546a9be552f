package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which thread computes what, and when.
 *
 * <p>The results of one of the {@link Levels} fall into components that do not depend on each
 * other, so that threads only have to meet between levels.
 *
 * @param phases between which all threads meet
 * @param levels the level of each result
 * @param nanoseconds about how long one thread takes for all of them
 */
record Schedule(List<Phase> phases, Map<Result, Integer> levels, long nanoseconds) {
  /** About the products that one nanosecond brings. */
  private static final int PRODUCTS_PER_NANOSECOND = 32;

  private static final int NANOSECONDS_PER_OPERATION = 25;

  /** Less than this is not worth a meeting. */
  private static final long LEAST_NANOSECONDS_TO_SHARE = 2500;

  /** For each thread, its results of one or more levels after each other. */
  record Phase(List<List<Stage>> threads) {}

  /** What one thread computes of one level, in order. Equal only to itself. */
  static final class Stage {
    private final int level;
    private final List<Result> results;
    private final List<Operation> operations;

    Stage(int level, List<Result> results, Roles roles) {
      this.level = level;
      this.results = results;
      this.operations = inStepOrder(results, roles);
    }

    int level() {
      return level;
    }

    List<Result> results() {
      return results;
    }

    /** What comes after the sums: operations of a kind that do not need each other side by side. */
    List<Operation> operations() {
      return operations;
    }

    private static List<Operation> inStepOrder(List<Result> results, Roles roles) {
      Map<Result, Integer> depths = new IdentityHashMap<>();
      List<Operation> operations = new ArrayList<>();
      for (Result result : results) {
        if (result instanceof Operation operation) {
          int depth = 0;
          for (Value source : operation.sources()) {
            depth = Math.max(depth, depths.getOrDefault(source, -1) + 1);
          }
          depths.put(operation, depth);
          operations.add(operation);
        }
      }
      operations.sort(
          Comparator.comparing((Operation operation) -> depths.get(operation))
              .thenComparing(Operation::opcode)
              .thenComparing(operation -> Arrays.hashCode(operation.parameters()))
              .thenComparing(roles));
      return operations;
    }
  }

  static Schedule of(Dataflow flow, Roles roles, int blockSize, int threads) {
    Map<Result, Integer> levels = Levels.of(flow);
    int highest = levels.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    List<List<Result>> byLevel = new ArrayList<>();
    for (int level = 0; level <= highest; level++) {
      byLevel.add(new ArrayList<>());
    }
    flow.results().forEach(result -> byLevel.get(levels.get(result)).add(result));
    List<Phase> phases = new ArrayList<>();
    boolean alone = false;
    long nanoseconds = 0;
    for (int level = 0; level <= highest; level++) {
      List<Component> components = components(byLevel.get(level), levels, roles, blockSize);
      long cost = components.stream().mapToLong(Component::cost).sum();
      nanoseconds += cost;
      boolean shared = threads > 1 && components.size() > 1 && cost >= LEAST_NANOSECONDS_TO_SHARE;
      if (shared || !alone) {
        phases.add(emptyPhase(threads));
      }
      Phase phase = phases.get(phases.size() - 1);
      alone = !shared;
      share(phase, level, components, roles, shared ? threads : 1, cost);
    }
    return new Schedule(phases, levels, nanoseconds);
  }

  private static Phase emptyPhase(int threads) {
    List<List<Stage>> work = new ArrayList<>();
    for (int thread = 0; thread < threads; thread++) {
      work.add(new ArrayList<>());
    }
    return new Phase(work);
  }

  /** Gives each thread neighbouring components of about the same cost. */
  private static void share(
      Phase phase, int level, List<Component> components, Roles roles, int threads, long total) {
    List<List<Result>> parts = new ArrayList<>();
    for (int thread = 0; thread < threads; thread++) {
      parts.add(new ArrayList<>());
    }
    long before = 0;
    for (Component component : components) {
      long middle = 2 * before + component.cost();
      int thread = total == 0 ? 0 : (int) Math.min(threads - 1, middle * threads / (2 * total));
      parts.get(thread).addAll(component.results());
      before += component.cost();
    }
    for (int thread = 0; thread < threads; thread++) {
      if (!parts.get(thread).isEmpty()) {
        phase.threads().get(thread).add(new Stage(level, parts.get(thread), roles));
      }
    }
  }

  /**
   * @param place that of its first result, so that sums by the same weights come next to each other
   */
  private record Component(List<Result> results, int place, long cost) {}

  /** The results of a level that depend on each other, by place. */
  private static List<Component> components(
      List<Result> results, Map<Result, Integer> levels, Roles roles, int blockSize) {
    Map<Result, Integer> places = new IdentityHashMap<>();
    int[] roots = new int[results.size()];
    for (int i = 0; i < roots.length; i++) {
      places.put(results.get(i), i);
      roots[i] = i;
      for (Value source : results.get(i).sources()) {
        if (source instanceof Result other
            && levels.get(other).equals(levels.get(results.get(i)))) {
          join(roots, i, places.get(other));
        }
      }
    }
    List<List<Result>> members = new ArrayList<>(Collections.nCopies(roots.length, null));
    for (int i = 0; i < roots.length; i++) {
      int root = root(roots, i);
      if (members.get(root) == null) {
        members.set(root, new ArrayList<>());
      }
      members.get(root).add(results.get(i));
    }
    List<Component> components = new ArrayList<>();
    for (List<Result> part : members) {
      if (part != null) {
        long cost = part.stream().mapToLong(result -> cost(result, blockSize)).sum();
        components.add(new Component(part, roles.place(part.get(0)), cost));
      }
    }
    components.sort(Comparator.comparingInt(Component::place));
    return components;
  }

  private static int root(int[] roots, int place) {
    int at = place;
    while (roots[at] != at) {
      roots[at] = roots[roots[at]];
      at = roots[at];
    }
    return at;
  }

  private static void join(int[] roots, int a, int b) {
    int first = root(roots, a);
    int second = root(roots, b);
    roots[Math.max(first, second)] = Math.min(first, second);
  }

  private static long cost(Result result, int blockSize) {
    if (result instanceof Sum sum) {
      return NANOSECONDS_PER_OPERATION + (long) sum.inputs() * blockSize / PRODUCTS_PER_NANOSECOND;
    }
    return NANOSECONDS_PER_OPERATION;
  }
}
