package org.nnirbridge.vm.plan;

import java.util.Comparator;

/**
 * The name of a block of state, which depends on the program alone and not on how it is planned:
 * where it lies in a window's entries. Of the same state on several cores it is the first.
 */
public record StateBlock(int core, int window, int offset) implements Comparable<StateBlock> {
  private static final Comparator<StateBlock> ORDER =
      Comparator.comparingInt(StateBlock::core)
          .thenComparingInt(StateBlock::window)
          .thenComparingInt(StateBlock::offset);

  @Override
  public int compareTo(StateBlock other) {
    return ORDER.compare(this, other);
  }
}
