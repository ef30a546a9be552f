package org.nnirbridge.vm.plan;

import java.util.Objects;

/** A block of state: each inference gives it one value, and reads those of earlier ones. */
final class Cell {
  private final Constant initial;
  private Value next;
  private int depth;

  /** A cell and what it holds before the first inference. */
  Cell(Constant initial) {
    this.initial = initial;
    this.next = Constant.zero(initial.bits().capacity());
  }

  Constant initial() {
    return initial;
  }

  /** What the inference gives it. */
  Value next() {
    return next;
  }

  void setNext(Value value) {
    next = value;
  }

  /** The oldest age that is read. */
  int depth() {
    return depth;
  }

  void readAt(int age) {
    depth = Math.max(depth, age);
  }

  /** Whether another cell always holds the same values, however long it keeps them. */
  boolean holdsSameAs(Cell other) {
    return initial.equals(other.initial) && next.equals(other.next);
  }

  /** Equal for cells that hold the same. */
  int contentHash() {
    return Objects.hash(initial, next);
  }
}
