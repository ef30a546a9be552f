package org.nnirbridge.vm.plan;

import java.util.function.UnaryOperator;

/** A block that the inference computes. */
sealed interface Result extends Value permits Operation, Sum {
  /** What it is computed from. */
  Iterable<Value> sources();

  /** Puts other values in the place of its sources. */
  void replaceSources(UnaryOperator<Value> replacement);
}
