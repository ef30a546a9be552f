package org.nnirbridge.vm.plan;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What an inference of a model computes, without cores, links and addresses.
 *
 * @param results in an order in which each comes after its sources
 * @param outputs for each output the values of its words
 * @param cells the state
 */
record Dataflow(List<Result> results, List<List<Value>> outputs, List<Cell> cells) {

  /** The results that are the same in every inference. */
  Set<Result> constants() {
    return madeFrom(Constant.class::isInstance);
  }

  /** The results that are made from state and constants alone, whatever the inputs will be. */
  Set<Result> withoutInputs() {
    return madeFrom(value -> value instanceof Constant || value instanceof Past);
  }

  private Set<Result> madeFrom(Predicate<Value> isGiven) {
    Set<Result> made = new LinkedHashSet<>();
    for (Result result : results) {
      boolean isMade = true;
      for (Value source : result.sources()) {
        isMade &= isGiven.test(source) || made.contains(source);
      }
      if (isMade) {
        made.add(result);
      }
    }
    return Collections.unmodifiableSet(made);
  }
}
