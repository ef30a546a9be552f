package org.nnirbridge.vm.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
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
 * <p>Sums with weights of levels before come before others, so that all steps of a recurrent layer
 * follow each other and find its weights in the caches, and what the layer above multiplies at once
 * has come together.
 */
final class Levels {
  private final Map<Result, Integer> levels = new IdentityHashMap<>();
  private final Map<Result, Integer> missingSources = new IdentityHashMap<>();
  private final Map<Result, List<Result>> users = new IdentityHashMap<>();

  /** Sums whose sources are there, by the first block of their weights. */
  private final Map<Optional<Sum.WeightBlock>, List<Sum>> ready = new LinkedHashMap<>();

  private final Deque<Result> readyOperations = new ArrayDeque<>();

  /** The weights of all levels until now. */
  private final Set<Optional<Sum.WeightBlock>> used = new HashSet<>();

  private int level = -1;

  private Levels() {}

  /**
   * The levels of groups of results.
   *
   * @param groups the sources of each are in it or in groups before; each has levels of its own,
   *     above those before
   */
  static Map<Result, Integer> of(List<? extends Collection<Result>> groups) {
    Levels levels = new Levels();
    groups.forEach(levels::add);
    return levels.levels;
  }

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
    settleOperations();
    while (!ready.isEmpty()) {
      level++;
      Map<Optional<Sum.WeightBlock>, List<Sum>> chosen = new LinkedHashMap<>(ready);
      chosen.keySet().retainAll(used);
      if (chosen.isEmpty()) {
        chosen.putAll(ready);
      }
      ready.keySet().removeAll(chosen.keySet());
      used.addAll(chosen.keySet());
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
