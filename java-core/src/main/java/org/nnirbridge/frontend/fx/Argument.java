package org.nnirbridge.frontend.fx;

import java.util.List;
import java.util.function.Supplier;

/** An argument of a call in the traced graph, or the result of one. */
public sealed interface Argument {
  /** A tensor: the id of its node in NNIR. */
  record TensorValue(int node) implements Argument {}

  /** The result of a comparison, 1 or 0: only a condition may be one. */
  record MaskValue(int node) implements Argument {}

  /**
   * Several values; each is made when it is asked for, so that unused ones cost nothing.
   *
   * @param isList whether they were written as a list and not as a tuple
   */
  record Several(List<Supplier<Argument>> items, boolean isList) implements Argument {
    public Several(List<Supplier<Argument>> items) {
      this(items, false);
    }

    Several asList() {
      return new Several(items, true);
    }

    public static Several of(List<Argument> items) {
      return new Several(items.stream().map(item -> (Supplier<Argument>) () -> item).toList());
    }

    public List<Argument> all() {
      return items.stream().map(Supplier::get).toList();
    }
  }

  record Number(double value, boolean isInteger) implements Argument {}

  record Bool(boolean value) implements Argument {}

  record Text(String value) implements Argument {}

  record None() implements Argument {}

  record Ellipsis() implements Argument {}

  /** A slice; parts that are not given are None. */
  record SliceOf(Argument start, Argument stop, Argument step) implements Argument {}

  /** A torch.dtype by its name. */
  record Dtype(String name) implements Argument {}

  /** Anything else, as Python prints it. */
  record Opaque(String text) implements Argument {}
}
