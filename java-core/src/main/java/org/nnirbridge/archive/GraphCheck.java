package org.nnirbridge.archive;

import java.util.List;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.State;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.StateRead;

/** Checks of a graph that comes from a file what GraphBuilder guarantees of all others. */
final class GraphCheck {
  private final Graph graph;

  private GraphCheck(Graph graph) {
    this.graph = graph;
  }

  /**
   * Checks a graph.
   *
   * @throws MalformedFile naming the first place that is wrong
   */
  static void check(Graph graph) {
    try {
      new GraphCheck(graph).check();
    } catch (NullPointerException e) {
      throw new MalformedFile("the stored model's graph is not valid: a part is missing");
    }
  }

  private void check() {
    int inputs = 0;
    for (int id = 0; id < graph.nodes().size(); id++) {
      Node node = graph.node(id);
      require(node.id() == id, "node " + id, "has the id " + node.id());
      check(node);
      if (node.op() instanceof Input input) {
        require(input.index() == inputs++, node.place(), "is input " + input.index());
      }
    }
    for (State state : graph.states()) {
      String where = "state " + state.name();
      requireNode(state.source(), graph.nodes().size(), where);
      TensorType kept = graph.node(state.source()).type();
      require(
          kept.shape().equals(state.type().shape()), where, "has another shape than its source");
      require(state.initial().shape().equals(kept.shape()), where, "starts with another shape");
      require(state.depth() > 0, where, "has the depth " + state.depth());
    }
    require(!graph.outputs().isEmpty(), "the model", "has no output");
    for (Graph.Output output : graph.outputs()) {
      requireNode(output.node(), graph.nodes().size(), "an output");
      require(output.format() != null, "an output", "has no format");
    }
  }

  private void check(Node node) {
    node.inputs().forEach(input -> requireNode(input, node.id(), node.place()));
    if (node.op() instanceof StateRead read) {
      require(
          read.state() >= 0 && read.state() < graph.states().size(),
          node.place(),
          "reads state " + read.state());
      State state = graph.states().get(read.state());
      boolean kept = read.age() >= 1 && read.age() <= state.depth();
      require(kept && read.type().equals(state.type()), node.place(), "reads what is not kept");
    }
    require(node.context().activationFormat() != null, node.place(), "has no activation format");
    List<TensorType> operands = node.inputs().stream().map(id -> graph.node(id).type()).toList();
    TensorType inferred;
    try {
      inferred = node.op().inferType(operands, node.context());
    } catch (RuntimeException e) {
      // Attributes that no frontend makes fail in as many ways as there are operators.
      throw malformed(node.place(), "does not take its operands");
    }
    require(inferred.equals(node.type()), node.place(), "has the type " + node.type());
  }

  private static void requireNode(int id, int end, String where) {
    require(id >= 0 && id < end, where, "refers to node " + id);
  }

  private static void require(boolean holds, String where, String what) {
    if (!holds) {
      throw malformed(where, what);
    }
  }

  private static MalformedFile malformed(String where, String what) {
    return new MalformedFile("the stored model's graph is not valid: " + where + " " + what);
  }
}
