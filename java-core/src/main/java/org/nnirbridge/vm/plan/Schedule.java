package org.nnirbridge.vm.plan;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Which thread computes what, and when.
 *
 * <p>The results of one of the {@link Levels} fall into components that do not depend on each
 * other, so that threads only have to meet between levels.
 *
 * @param phases between which all threads meet
 * @param phasesOnce how many of them, the first, give the same results in every inference
 * @param phasesAhead how many of them, those included, need no input and can be over before it is
 *     there
 * @param levels the level of each result
 * @param nanoseconds about how long one thread takes for all of them
 */
record Schedule(
    List<Phase> phases,
    int phasesOnce,
    int phasesAhead,
    Map<Result, Integer> levels,
    long nanoseconds) {
  /** About the products that one nanosecond brings. */
  private static final int PRODUCTS_PER_NANOSECOND = 32;

  private static final int NANOSECONDS_PER_OPERATION = 25;

  /** Less than this is not worth a meeting. */
  private static final long LEAST_NANOSECONDS_TO_SHARE = 2500;

  /** Less than this is not worth phases of its own before the inputs are there. */
  private static final long LEAST_NANOSECONDS_AHEAD = 1000;

  /** The groups of results. */
  private static final int ONCE = 0;

  private static final int AHEAD = 1;
  private static final int REST = 2;

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
    List<Set<Result>> groups = groups(flow, blockSize);
    Map<Result, Integer> levels = Levels.of(groups);
    Sharing sharing = new Sharing(levels, roles, blockSize, threads);
    Map<Value, Integer> uses = firstUses(groups.get(REST), levels);
    int[] phases = new int[groups.size()];
    for (int group = 0; group < phases.length; group++) {
      Map<Integer, List<Result>> byLevel = new TreeMap<>();
      for (Result result : groups.get(group)) {
        byLevel.computeIfAbsent(levels.get(result), level -> new ArrayList<>()).add(result);
      }
      boolean isAhead = group == AHEAD;
      byLevel.forEach(
          (level, results) -> {
            List<Component> components = sharing.components(results);
            if (isAhead) {
              byUse(components, uses).forEach(some -> sharing.add(level, some));
            } else {
              sharing.add(level, components);
            }
          });
      phases[group] = sharing.endPhase();
    }
    return new Schedule(sharing.phases, phases[ONCE], phases[AHEAD], levels, sharing.nanoseconds);
  }

  /** What is the same in every inference, what else needs no input, and the rest. */
  private static List<Set<Result>> groups(Dataflow flow, int blockSize) {
    Set<Result> once = flow.constants();
    Set<Result> ahead = new LinkedHashSet<>(flow.withoutInputs());
    ahead.removeAll(once);
    if (cost(ahead, blockSize) < LEAST_NANOSECONDS_AHEAD) {
      ahead.clear();
    }
    Set<Result> rest = new LinkedHashSet<>(flow.results());
    rest.removeAll(once);
    rest.removeAll(ahead);
    return List.of(once, ahead, rest);
  }

  /** For each value the lowest level of these results that use it. */
  private static Map<Value, Integer> firstUses(Set<Result> users, Map<Result, Integer> levels) {
    Map<Value, Integer> uses = new IdentityHashMap<>();
    for (Result user : users) {
      for (Value source : user.sources()) {
        uses.merge(source, levels.get(user), Math::min);
      }
    }
    return uses;
  }

  /**
   * Puts what is used at the same level together, the first used first: a phase of its own for each
   * layer can be joined by a thread that comes in the middle.
   */
  private static Collection<List<Component>> byUse(
      List<Component> components, Map<Value, Integer> uses) {
    return components.stream()
        .collect(
            Collectors.groupingBy(
                component -> component.firstUse(uses), TreeMap::new, Collectors.toList()))
        .values();
  }

  /**
   * Results of a level that depend on each other.
   *
   * @param place that of its first result, so that sums by the same weights come next to each other
   */
  private record Component(List<Result> results, int place, long cost) {
    int firstUse(Map<Value, Integer> uses) {
      return results.stream()
          .mapToInt(result -> uses.getOrDefault(result, Integer.MAX_VALUE))
          .min()
          .orElseThrow();
    }
  }

  /** Shares out the work of one level after another. */
  private static final class Sharing {
    private final Map<Result, Integer> levels;
    private final Roles roles;
    private final int blockSize;
    private final int threads;
    private final List<Phase> phases = new ArrayList<>();
    private long nanoseconds;

    /** Whether the last phase is one thread's, and can have more of its work. */
    private boolean isOpen;

    Sharing(Map<Result, Integer> levels, Roles roles, int blockSize, int threads) {
      this.levels = levels;
      this.roles = roles;
      this.blockSize = blockSize;
      this.threads = threads;
    }

    /** Work of a level, for all threads if it is much. */
    void add(int level, List<Component> components) {
      long cost = components.stream().mapToLong(Component::cost).sum();
      nanoseconds += cost;
      boolean shared = threads > 1 && components.size() > 1 && cost >= LEAST_NANOSECONDS_TO_SHARE;
      if (shared || !isOpen) {
        phases.add(emptyPhase());
      }
      isOpen = !shared;
      share(phases.get(phases.size() - 1), level, components, shared ? threads : 1, cost);
    }

    /** What follows has phases of its own; returns how many there are until here. */
    int endPhase() {
      isOpen = false;
      return phases.size();
    }

    private Phase emptyPhase() {
      List<List<Stage>> work = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        work.add(new ArrayList<>());
      }
      return new Phase(work);
    }

    /** Gives each thread neighbouring components of about the same cost. */
    private void share(
        Phase phase, int level, List<Component> components, int sharers, long total) {
      List<List<Result>> parts = new ArrayList<>();
      for (int thread = 0; thread < sharers; thread++) {
        parts.add(new ArrayList<>());
      }
      long before = 0;
      for (Component component : components) {
        long middle = 2 * before + component.cost();
        int thread = total == 0 ? 0 : (int) Math.min(sharers - 1, middle * sharers / (2 * total));
        parts.get(thread).addAll(component.results());
        before += component.cost();
      }
      for (int thread = 0; thread < sharers; thread++) {
        if (!parts.get(thread).isEmpty()) {
          phase.threads().get(thread).add(new Stage(level, parts.get(thread), roles));
        }
      }
    }

    /** The results of a level that depend on each other, by place. */
    List<Component> components(List<Result> results) {
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
          components.add(new Component(part, roles.place(part.get(0)), cost(part, blockSize)));
        }
      }
      components.sort(Comparator.comparingInt(Component::place));
      return components;
    }
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

  private static long cost(Collection<Result> results, int blockSize) {
    return results.stream().mapToLong(result -> cost(result, blockSize)).sum();
  }

  private static long cost(Result result, int blockSize) {
    if (result instanceof Sum sum) {
      return NANOSECONDS_PER_OPERATION + (long) sum.inputs() * blockSize / PRODUCTS_PER_NANOSECOND;
    }
    return NANOSECONDS_PER_OPERATION;
  }
}
