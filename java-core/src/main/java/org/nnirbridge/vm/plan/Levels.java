package org.nnirbridge.vm.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The level of each result: above those of all that a sum is made from, else the first that is not
 * below its sources.
 *
 * <p>What needs no input comes first, so that it can be computed before the inputs are there.
 *
 * <p>Sums with the weights of the level before come before others, so that all steps of a recurrent
 * layer follow each other and find its weights in the caches, and what the layer above multiplies
 * at once has come together.
 */
final class Levels {
  private final Map<Result, Integer> levels = new IdentityHashMap<>();
  private final Map<Result, Integer> missingSources = new IdentityHashMap<>();
  private final Map<Result, List<Result>> users = new IdentityHashMap<>();

  /** Sums whose sources are there, by the first block of their weights. */
  private final Map<Optional<Sum.WeightBlock>, List<Sum>> ready = new LinkedHashMap<>();

  private final Deque<Result> readyOperations = new ArrayDeque<>();

  private int level = -1;

  private Levels() {}

  /**
   * The levels of all results.
   *
   * @param ahead results that need no others, which have the first levels to themselves
   */
  static Map<Result, Integer> of(Dataflow flow, Set<Result> ahead) {
    Levels levels = new Levels();
    levels.add(ahead);
    levels.add(flow.results().stream().filter(result -> !ahead.contains(result)).toList());
    return levels.levels;
  }

  /** Adds results whose sources are among them or have been added before, on levels above those. */
  private void add(Collection<Result> results) {
    if (!results.isEmpty()) {
      level++;
      start(results);
      fill();
    }
  }

  private void start(Collection<Result> results) {
    for (Result result : results) {
      int missing = 0;
      for (Value source : result.sources()) {
        if (source instanceof Result other && !levels.containsKey(other)) {
          users.computeIfAbsent(other, key -> new ArrayList<>()).add(result);
          missing++;
        }
      }
      missingSources.put(result, missing);
      if (missing == 0) {
        becomesReady(result);
      }
    }
  }

  private void fill() {
    Set<Optional<Sum.WeightBlock>> last = Set.of();
    settleOperations();
    while (!ready.isEmpty()) {
      level++;
      Map<Optional<Sum.WeightBlock>, List<Sum>> chosen = new LinkedHashMap<>(ready);
      chosen.keySet().retainAll(last);
      if (chosen.isEmpty()) {
        chosen.putAll(ready);
      }
      last = chosen.keySet();
      ready.keySet().removeAll(last);
      for (List<Sum> sums : chosen.values()) {
        for (Sum sum : sums) {
          settle(sum);
        }
      }
      settleOperations();
    }
  }

  private void settleOperations() {
    while (!readyOperations.isEmpty()) {
      settle(readyOperations.pop());
    }
  }

  private void settle(Result result) {
    levels.put(result, level);
    for (Result user : users.getOrDefault(result, List.of())) {
      if (missingSources.merge(user, -1, Integer::sum) == 0) {
        becomesReady(user);
      }
    }
  }

  private void becomesReady(Result result) {
    if (result instanceof Sum sum) {
      ready.computeIfAbsent(sum.weights().stream().findFirst(), key -> new ArrayList<>()).add(sum);
    } else {
      readyOperations.add(result);
    }
  }
}
