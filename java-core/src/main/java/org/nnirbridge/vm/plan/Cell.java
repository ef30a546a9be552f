package org.nnirbridge.vm.plan;

import java.util.Objects;

/** A block of state: each inference gives it one value, and reads those of earlier ones. */
final class Cell {
  private final StateBlock block;
  private final Constant initial;
  private Value next;
  private int depth;

  /** A cell and what it holds before the first inference. */
  Cell(StateBlock block, Constant initial) {
    this.block = block;
    this.initial = initial;
    this.next = Constant.zero(initial.bits().capacity());
  }

  /** Its name in the program. */
  StateBlock block() {
    return block;
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
