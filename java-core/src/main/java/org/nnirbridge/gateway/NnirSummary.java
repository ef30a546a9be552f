package org.nnirbridge.gateway;

import java.util.List;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;

/** The nodes of a model, for those who want to look at them one by one. */
record NnirSummary(List<NodeSummary> nodes, List<Integer> outputs) {
  NnirSummary {
    nodes = List.copyOf(nodes);
    outputs = List.copyOf(outputs);
  }

  static NnirSummary of(Graph graph) {
    return new NnirSummary(
        graph.nodes().stream().map(NodeSummary::of).toList(),
        graph.outputs().stream().map(Graph.Output::node).toList());
  }

  /** One node, as it is printed. */
  record NodeSummary(
      int id,
      String name,
      String operator,
      List<String> attributes,
      List<Integer> inputs,
      List<Integer> shape) {
    NodeSummary {
      attributes = List.copyOf(attributes);
      inputs = List.copyOf(inputs);
      shape = List.copyOf(shape);
    }

    static NodeSummary of(Node node) {
      return new NodeSummary(
          node.id(),
          node.name(),
          node.op().label(),
          node.op().attributes(node.context()),
          node.inputs(),
          node.type().shape());
    }
  }
}
