package org.nnirbridge.nnir;

import java.util.List;
import org.nnirbridge.nnir.op.Op;

/**
 * One operation of a graph and its result.
 *
 * @param id the place in the graph's list of nodes
 * @param name the name in the framework's graph
 * @param inputs the ids of the operands, each smaller than {@code id}
 */
public record Node(
    int id, String name, Op op, List<Integer> inputs, TensorType type, NodeContext context) {
  public Node {
    inputs = List.copyOf(inputs);
  }

  /** The place in words, as error messages name it: {@code fc1 (Linear)}. */
  public String place() {
    return name + " (" + op.label() + ")";
  }
}
