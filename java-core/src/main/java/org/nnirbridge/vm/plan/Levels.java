package org.nnirbridge.vm.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The level of each result: above those of all that a sum is made from, else the highest of the
 * sources.
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

  private Levels() {}

  static Map<Result, Integer> of(Dataflow flow) {
    Levels levels = new Levels();
    levels.start(flow);
    levels.fill();
    return levels.levels;
  }

  private void start(Dataflow flow) {
    for (Result result : flow.results()) {
      int missing = 0;
      for (Value source : result.sources()) {
        if (source instanceof Result other) {
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
    int level = 0;
    settleOperations(level);
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
          settle(sum, level);
        }
      }
      settleOperations(level);
    }
  }

  private void settleOperations(int level) {
    while (!readyOperations.isEmpty()) {
      settle(readyOperations.pop(), level);
    }
  }

  private void settle(Result result, int level) {
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
