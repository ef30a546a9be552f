package org.nnirbridge.nnir;

import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.numerics.NumberFormat;

/**
 * A model as an immutable graph: nodes in topological order, its states, its outputs.
 *
 * <p>Built by {@link GraphBuilder} only, which infers every type.
 */
public record Graph(List<Node> nodes, List<State> states, List<Output> outputs) {
  public Graph {
    nodes = List.copyOf(nodes);
    states = List.copyOf(states);
    outputs = List.copyOf(outputs);
  }

  /**
   * One result of the model.
   *
   * @param format the number format in which it leaves the machine
   * @param streamingDim the time axis of the whole sequence, when one step of it is given per run
   */
  public record Output(int node, NumberFormat format, OptionalInt streamingDim) {}

  public Node node(int id) {
    return nodes.get(id);
  }

  /** The input nodes, in the order of the model's arguments. */
  public List<Node> inputs() {
    return nodes.stream().filter(node -> node.op() instanceof Input).toList();
  }
}
