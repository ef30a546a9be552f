package org.nnirbridge.layout;

import java.util.List;

/**
 * The data dimension of every tensor of a graph.
 *
 * @param ofNode for each node that of its result
 * @param ofOperands for each node those of its operands, in which constants are laid out anew
 */
public record DataDimensions(List<Integer> ofNode, List<List<Integer>> ofOperands) {
  public DataDimensions {
    ofNode = List.copyOf(ofNode);
    ofOperands = List.copyOf(ofOperands);
  }
}
