package org.nnirbridge.vm.plan;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What an inference of a model computes, without cores, links and addresses.
 *
 * @param results in an order in which each comes after its sources
 * @param outputs for each output the values of its words
 * @param cells the state
 */
record Dataflow(List<Result> results, List<List<Value>> outputs, List<Cell> cells) {

  /** The results that are made from state and constants alone, whatever the inputs will be. */
  Set<Result> withoutInputs() {
    Set<Result> found = new LinkedHashSet<>();
    for (Result result : results) {
      boolean needsInput = false;
      for (Value source : result.sources()) {
        needsInput |= source instanceof Word || source instanceof Result && !found.contains(source);
      }
      if (!needsInput) {
        found.add(result);
      }
    }
    return Collections.unmodifiableSet(found);
  }
}
