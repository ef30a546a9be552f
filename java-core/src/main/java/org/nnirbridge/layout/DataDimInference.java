package org.nnirbridge.layout;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.State;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.Constant;
import org.nnirbridge.nnir.op.DataDims;
import org.nnirbridge.nnir.op.StateRead;

/**
 * Finds one data dimension for every run-time tensor of a whole graph.
 *
 * <p>Each operator gives the combinations it allows; combinations that no neighbour supports are
 * struck out until nothing changes, then open tensors are decided one at a time, the last axis with
 * more than one value first, and back again where that leads nowhere.
 */
public final class DataDimInference {
  private final Graph graph;
  private final List<DataDims> rules = new ArrayList<>();
  private final List<List<int[]>> choices = new ArrayList<>();
  private Node lastConflict;
  private Domains lastAttempt;

  private DataDimInference(Graph graph, BitSet dynamicNodes) {
    this.graph = graph;
    for (Node node : graph.nodes()) {
      List<TensorType> inputs =
          node.inputs().stream().map(input -> graph.node(input).type()).toList();
      DataDims rule = node.op().dataDims(inputs, node.type());
      rules.add(rule);
      choices.add(rule.choices(dynamicNodes.get(node.id())));
    }
  }

  /**
   * The data dimensions of a graph.
   *
   * @param dynamicNodes the products that may use their dynamic choices
   * @throws UnsupportedModel naming the operator whose rule cannot be kept
   */
  static DataDimensions infer(Graph graph, BitSet dynamicNodes) {
    DataDimInference inference = new DataDimInference(graph, dynamicNodes);
    Domains domains = inference.allOpen();
    Optional<Node> conflict = inference.propagate(domains);
    if (conflict.isPresent()) {
      throw inference.refuse(conflict.get(), inference.lastConsistent(conflict.get()));
    }
    for (List<Node> component : inference.components()) {
      domains =
          inference
              .decide(domains, component)
              .orElseThrow(() -> inference.refuse(inference.lastConflict, inference.lastAttempt));
    }
    return inference.read(domains);
  }

  /** The nodes in groups that decide nothing about each other, each to be solved on its own. */
  private Collection<List<Node>> components() {
    int[] parent = IntStream.range(0, graph.nodes().size()).toArray();
    for (Node node : graph.nodes()) {
      for (int input : node.inputs()) {
        if (!isConstant(input)) {
          parent[root(parent, node.id())] = root(parent, input);
        }
      }
      if (node.op() instanceof StateRead read) {
        int source = graph.states().get(read.state()).source();
        parent[root(parent, node.id())] = root(parent, source);
      }
    }
    Map<Integer, List<Node>> components = new LinkedHashMap<>();
    for (Node node : graph.nodes()) {
      components.computeIfAbsent(root(parent, node.id()), r -> new ArrayList<>()).add(node);
    }
    return components.values();
  }

  private static int root(int[] parent, int node) {
    int root = node;
    while (parent[root] != root) {
      parent[root] = parent[parent[root]];
      root = parent[root];
    }
    return root;
  }

  /** For each node, which axes may still be its data dimension; bit 0 stands for a scalar. */
  private record Domains(List<BitSet> ofNode) {
    Domains copy() {
      return new Domains(ofNode.stream().map(set -> (BitSet) set.clone()).toList());
    }

    boolean allows(int node, int dim) {
      return ofNode.get(node).get(dim + 1);
    }
  }

  private Domains allOpen() {
    List<BitSet> sets = new ArrayList<>();
    for (Node node : graph.nodes()) {
      BitSet set = new BitSet();
      if (node.type().rank() == 0) {
        set.set(DataDims.SCALAR + 1);
      } else {
        set.set(1, node.type().rank() + 1);
      }
      sets.add(set);
    }
    return new Domains(sets);
  }

  /** Strikes out what no combination supports; the node at which nothing is left, if any. */
  private Optional<Node> propagate(Domains domains) {
    boolean changed = true;
    while (changed) {
      changed = false;
      for (Node node : graph.nodes()) {
        int before = size(domains, node);
        if (!narrow(domains, node)) {
          return Optional.of(node);
        }
        changed |= size(domains, node) != before;
      }
      for (int state = 0; state < graph.states().size(); state++) {
        changed |= narrowState(domains, state);
      }
    }
    return Optional.empty();
  }

  private int size(Domains domains, Node node) {
    int size = domains.ofNode().get(node.id()).cardinality();
    for (int input : node.inputs()) {
      size += domains.ofNode().get(input).cardinality();
    }
    return size;
  }

  private boolean narrow(Domains domains, Node node) {
    int arity = node.inputs().size();
    BitSet[] supported = new BitSet[arity + 1];
    for (int i = 0; i <= arity; i++) {
      supported[i] = new BitSet();
    }
    boolean any = false;
    for (int[] choice : choices.get(node.id())) {
      if (!isOpen(domains, node, choice)) {
        continue;
      }
      any = true;
      for (int i = 0; i <= arity; i++) {
        supported[i].set(choice[i] + 1);
      }
    }
    if (!any) {
      return false;
    }
    for (int i = 0; i < arity; i++) {
      if (!isConstant(node.inputs().get(i))) {
        domains.ofNode().get(node.inputs().get(i)).and(supported[i]);
      }
    }
    domains.ofNode().get(node.id()).and(supported[arity]);
    return true;
  }

  private boolean isOpen(Domains domains, Node node, int[] choice) {
    int arity = node.inputs().size();
    for (int i = 0; i < arity; i++) {
      int input = node.inputs().get(i);
      if (!isConstant(input) && !domains.allows(input, choice[i])) {
        return false;
      }
    }
    return domains.allows(node.id(), choice[arity]);
  }

  private boolean narrowState(Domains domains, int index) {
    State state = graph.states().get(index);
    BitSet common = (BitSet) domains.ofNode().get(state.source()).clone();
    List<Node> readers =
        graph.nodes().stream()
            .filter(node -> node.op() instanceof StateRead read && read.state() == index)
            .toList();
    for (Node reader : readers) {
      common.and(domains.ofNode().get(reader.id()));
    }
    boolean changed = !common.equals(domains.ofNode().get(state.source()));
    domains.ofNode().get(state.source()).and(common);
    for (Node reader : readers) {
      changed |= !common.equals(domains.ofNode().get(reader.id()));
      domains.ofNode().get(reader.id()).and(common);
    }
    return changed;
  }

  private boolean isConstant(int node) {
    return graph.node(node).op() instanceof Constant;
  }

  private Optional<Domains> decide(Domains domains, List<Node> component) {
    Optional<Node> undecided =
        component.stream()
            .filter(node -> domains.ofNode().get(node.id()).cardinality() > 1)
            .filter(node -> !isConstant(node.id()))
            .findFirst();
    if (undecided.isEmpty()) {
      return Optional.of(domains);
    }
    for (int dim : preferred(domains, undecided.get())) {
      Domains attempt = domains.copy();
      attempt.ofNode().get(undecided.get().id()).clear();
      attempt.ofNode().get(undecided.get().id()).set(dim + 1);
      Optional<Node> conflict = propagate(attempt);
      if (conflict.isPresent()) {
        lastConflict = conflict.get();
        lastAttempt = attempt;
        continue;
      }
      Optional<Domains> solution = decide(attempt, component);
      if (solution.isPresent()) {
        return solution;
      }
    }
    return Optional.empty();
  }

  private static List<Integer> preferred(Domains domains, Node node) {
    List<Integer> wide = new ArrayList<>();
    List<Integer> narrow = new ArrayList<>();
    for (int dim = node.type().rank() - 1; dim >= 0; dim--) {
      if (domains.allows(node.id(), dim)) {
        (node.type().shape().get(dim) > 1 ? wide : narrow).add(dim);
      }
    }
    wide.addAll(narrow);
    return wide;
  }

  private DataDimensions read(Domains domains) {
    List<Integer> ofNode = new ArrayList<>();
    List<List<Integer>> ofOperands = new ArrayList<>();
    for (Node node : graph.nodes()) {
      int[] choice =
          choices.get(node.id()).stream()
              .filter(c -> isOpen(domains, node, c))
              .findFirst()
              .orElseThrow();
      List<Integer> operands = new ArrayList<>();
      for (int i = 0; i < choice.length - 1; i++) {
        operands.add(choice[i]);
      }
      ofNode.add(choice[choice.length - 1]);
      ofOperands.add(operands);
    }
    return new DataDimensions(ofNode, ofOperands);
  }

  /** The domains when all operators before the conflict have been heard. */
  private Domains lastConsistent(Node conflict) {
    Domains domains = allOpen();
    for (Node node : graph.nodes()) {
      if (node.id() < conflict.id()) {
        narrow(domains, node);
      }
    }
    return domains;
  }

  private UnsupportedModel refuse(Node node, Domains domains) {
    List<String> shapes = new ArrayList<>();
    for (int input : node.inputs()) {
      BitSet set = domains.ofNode().get(input);
      int dim = set.cardinality() == 1 ? set.nextSetBit(0) - 1 : DataDims.SCALAR;
      shapes.add(Shapes.marked(graph.node(input).type().shape(), dim));
    }
    return new UnsupportedModel(
        node.place()
            + ": no data dimension fits "
            + (shapes.isEmpty() ? "" : String.join(", ", shapes) + " -> ")
            + Shapes.marked(node.type().shape(), DataDims.SCALAR)
            + "; rule: "
            + rules.get(node.id()).rule()
            + "; transpose the operand so that its data dimension (!) lies where the rule wants it"
            + wayOut(node));
  }

  private String wayOut(Node node) {
    DataDims rule = rules.get(node.id());
    if (choices.get(node.id()).size() < rule.choices(true).size()) {
      return ", or compile with allow_dynamic_weights=True, which also contracts over another axis";
    }
    return rule.wayOut().isEmpty() ? "" : ", or " + rule.wayOut();
  }
}
