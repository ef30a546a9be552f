package org.nnirbridge.layout;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.MatMul;

/** Finds data dimensions with as few products as can be on the vector unit. */
public final class DynamicWeights {
  private DynamicWeights() {}

  /**
   * The data dimensions of a graph.
   *
   * <p>Products use their dynamic choices only where there is no other solution.
   *
   * @param dynamic whether they may use them at all
   * @throws UnsupportedModel naming the operator whose rule cannot be kept
   */
  public static DataDimensions infer(Graph graph, boolean dynamic) {
    BitSet products = productsWithChoice(graph);
    if (!dynamic || products.isEmpty()) {
      return DataDimInference.infer(graph, new BitSet());
    }
    Optional<DataDimensions> solution = tryInfer(graph, new BitSet());
    if (solution.isPresent()) {
      return solution.get();
    }
    BitSet needed = (BitSet) products.clone();
    DataDimensions found = DataDimInference.infer(graph, needed);
    for (int node : products.stream().toArray()) {
      needed.clear(node);
      Optional<DataDimensions> without = tryInfer(graph, needed);
      needed.set(node, without.isEmpty());
      found = without.orElse(found);
    }
    return found;
  }

  private static BitSet productsWithChoice(Graph graph) {
    BitSet products = new BitSet();
    for (Node node : graph.nodes()) {
      List<TensorType> inputs =
          node.inputs().stream().map(input -> graph.node(input).type()).toList();
      boolean isProduct = node.op() instanceof Linear || node.op() instanceof MatMul;
      products.set(
          node.id(),
          isProduct && !node.op().dataDims(inputs, node.type()).dynamicChoices().isEmpty());
    }
    return products;
  }

  private static Optional<DataDimensions> tryInfer(Graph graph, BitSet dynamicNodes) {
    try {
      return Optional.of(DataDimInference.infer(graph, dynamicNodes));
    } catch (UnsupportedModel e) {
      return Optional.empty();
    }
  }
}
