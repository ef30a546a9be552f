package org.nnirbridge.transform;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nnirbridge.hardware.CorePartitions;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.State;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Binary.Fusion;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.Conv1dStep;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;

/**
 * Decides which additions are done on an accumulator: {@code r + (W x + b) -> ((r + b) + W x)},
 * without rounding the sum of products before the addition (numerics.md §2).
 *
 * <p>The sum that is known last goes on from the other operand, so that it never waits for longer
 * than the addition would have. Operators that may not be on one core are not fused. The choice
 * follows from the graph over whole sequences and stays with it through the streaming transform.
 */
public final class FuseSums {
  private FuseSums() {}

  /** The graph with every addition decided. */
  public static Graph run(Graph graph) {
    int[] users = users(graph);
    int[] depth = depthFromInput(graph);
    return decide(
        graph, node -> fusion(graph, node, users, depth), binary -> binary.fusion() == Fusion.OPEN);
  }

  /** The graph with every addition on its own. */
  public static Graph undo(Graph graph) {
    return decide(graph, node -> Fusion.NEITHER, binary -> binary.function() == BinaryFunction.ADD);
  }

  private interface Decision {
    Fusion of(Node node);
  }

  private interface Question {
    boolean isOpen(Binary binary);
  }

  private static Graph decide(Graph graph, Decision decision, Question question) {
    List<Node> nodes = new ArrayList<>();
    boolean changed = false;
    for (Node node : graph.nodes()) {
      if (node.op() instanceof Binary binary && question.isOpen(binary)) {
        changed = true;
        nodes.add(
            new Node(
                node.id(),
                node.name(),
                new Binary(binary.function(), decision.of(node)),
                node.inputs(),
                node.type(),
                node.context()));
      } else {
        nodes.add(node);
      }
    }
    return changed ? new Graph(nodes, graph.states(), graph.outputs()) : graph;
  }

  private static Fusion fusion(Graph graph, Node node, int[] users, int[] depth) {
    int first = node.inputs().get(0);
    int second = node.inputs().get(1);
    Node a = graph.node(first);
    Node b = graph.node(second);
    boolean firstIsSum = isSum(a.op()) && users[first] == 1;
    boolean secondIsSum = isSum(b.op()) && users[second] == 1;
    if (secondIsSum && depth[second] >= depth[first] && canStart(a, b, node)) {
      return firstIsSum && shareCores(a, b, node) ? Fusion.SECOND_ON_SUM : Fusion.SECOND;
    }
    if (firstIsSum && depth[first] >= depth[second] && canStart(b, a, node)) {
      return secondIsSum && shareCores(a, b, node) ? Fusion.FIRST_ON_SUM : Fusion.FIRST;
    }
    return Fusion.NEITHER;
  }

  /** Whether a sum may go on from a start on one core: float32 goes on where it was made. */
  private static boolean canStart(Node start, Node sum, Node addition) {
    return start.type().format() == NumberFormat.FP32
        ? shareCores(start, sum, addition)
        : shareCores(sum, addition);
  }

  private static boolean shareCores(Node... nodes) {
    return CorePartitions.common(Arrays.stream(nodes).map(node -> node.context().cores()).toList())
        .isPresent();
  }

  private static boolean isSum(Op op) {
    return op instanceof Linear
        || (op instanceof Conv1d whole && !whole.weights().isDepthwise())
        || (op instanceof Conv1dStep step && !step.weights().isDepthwise());
  }

  private static int[] users(Graph graph) {
    int[] users = new int[graph.nodes().size()];
    graph.nodes().forEach(node -> node.inputs().forEach(input -> users[input]++));
    for (State state : graph.states()) {
      users[state.source()]++;
    }
    graph.outputs().forEach(output -> users[output.node()]++);
    return users;
  }

  /** The longest way to each node from an input; 0 for what follows from constants and states. */
  private static int[] depthFromInput(Graph graph) {
    int[] depth = new int[graph.nodes().size()];
    for (Node node : graph.nodes()) {
      int most = node.inputs().stream().mapToInt(input -> depth[input]).max().orElse(0);
      depth[node.id()] = node.op() instanceof Input || most > 0 ? most + 1 : 0;
    }
    return depth;
  }
}
