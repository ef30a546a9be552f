package org.nnirbridge.nnir;

import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.numerics.NumberFormat;

/** The print of a graph: inputs, outputs, states, then a line a node. */
public final class GraphPrinter {
  private GraphPrinter() {}

  public static String print(Graph graph) {
    StringBuilder text = new StringBuilder();
    text.append("Inputs:\n");
    for (Node input : graph.inputs()) {
      text.append("  ").append(line(input)).append('\n');
    }
    text.append("Outputs:\n");
    for (Graph.Output output : graph.outputs()) {
      text.append("  Id(").append(output.node()).append(") - ");
      text.append(graph.node(output.node()).type().shape()).append('\n');
    }
    if (!graph.states().isEmpty()) {
      text.append("States:\n");
    }
    for (int i = 0; i < graph.states().size(); i++) {
      State state = graph.states().get(i);
      text.append("  State(").append(i).append(") - (").append(state.name()).append(") depth: ");
      text.append(state.depth()).append(", source: Id(").append(state.source()).append(") - ");
      text.append(state.type().shape()).append('\n');
    }
    text.append("Nodes:\n");
    for (Node node : graph.nodes()) {
      if (!(node.op() instanceof Input)) {
        text.append("  ").append(line(node)).append('\n');
      }
    }
    return text.toString();
  }

  private static String line(Node node) {
    List<String> attributes = new ArrayList<>(node.op().attributes(node.context()));
    List<String> operands = node.inputs().stream().map(id -> "Id(" + id + ")").toList();
    if (operands.size() == 1) {
      attributes.add("input: " + operands.get(0));
    } else if (!operands.isEmpty()) {
      attributes.add("inputs: " + operands);
    }
    if (node.op().printsActivationPrecision()) {
      boolean fp32 = node.context().activationFormat() == NumberFormat.FP32;
      attributes.add("activation_precision: " + (fp32 ? "Fp32" : "Bf16"));
    }
    return "Id(%d) - (%s) %s(%s) - %s"
        .formatted(
            node.id(),
            node.name(),
            node.op().label(),
            String.join(", ", attributes),
            node.type().shape());
  }
}
