package org.nnirbridge.nnir.op;

import java.util.Optional;
import org.nnirbridge.nnir.Tensor;

/**
 * What a node became in the streaming graph.
 *
 * @param node the id in the streaming graph
 * @param timeAxis the time axis in the original result, or {@link StreamStep#NO_TIME}
 * @param excerpt how the original result differs from the whole sequence of this node, if it does
 */
public record StreamedNode(int node, int timeAxis, Optional<Excerpt> excerpt) {
  public StreamedNode(int node, int timeAxis) {
    this(node, timeAxis, Optional.empty());
  }

  /**
   * The first time steps of a sequence behind constant ones: {@code [c c x0 x1 x2]}.
   *
   * @param lead how many time steps are constant
   * @param constant what each of them holds
   * @param length how many time steps there are in all
   * @param steps how many the sequence has
   */
  public record Excerpt(int lead, Tensor constant, int length, int steps) {
    /** The same with other constant time steps. */
    Excerpt withConstant(Tensor other) {
      return new Excerpt(lead, other, length, steps);
    }

    /** Whether its constant time steps and its others lie where those of another do. */
    boolean isAlignedWith(Excerpt other) {
      return lead == other.lead && length == other.length && steps == other.steps;
    }

    /** Whether what comes before the sequence, if anything, is zero. */
    boolean startsWithZeros() {
      for (float value : constant.values()) {
        if (lead > 0 && value != 0f) {
          return false;
        }
      }
      return true;
    }
  }
}
