package org.nnirbridge.nnir;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.CompilerBug;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.op.Constant;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.StateRead;

/**
 * The only way to build a {@link Graph}: adds one node at a time, infers its type, folds constants.
 */
public final class GraphBuilder {
  private final List<Node> nodes = new ArrayList<>();
  private final List<OpenState> states = new ArrayList<>();

  /** A state while the graph is built; its source may come after its readers. */
  private static final class OpenState {
    final String name;
    final TensorType type;
    final int depth;
    final Tensor initial;
    int source = -1;

    OpenState(String name, TensorType type, int depth, Tensor initial) {
      this.name = name;
      this.type = type;
      this.depth = depth;
      this.initial = initial;
    }
  }

  /**
   * Adds an operation.
   *
   * @return the id of its result
   * @throws UnsupportedModel naming the node, when the operation does not take these operands
   */
  public int add(String name, Op op, NodeContext context, List<Integer> inputs) {
    Optional<Tensor> folded = fold(op, inputs);
    if (folded.isPresent()) {
      return append(name, new Constant(folded.get()), context, List.of());
    }
    return append(name, op, context, inputs);
  }

  private int append(String name, Op op, NodeContext context, List<Integer> inputs) {
    TensorType type;
    try {
      type = op.inferType(inputs.stream().map(this::type).toList(), context);
    } catch (UnsupportedModel e) {
      throw new UnsupportedModel(name + " (" + op.label() + "): " + e.getMessage());
    }
    if (type.shape().contains(0)) {
      throw new UnsupportedModel(
          "%s (%s): its shape %s holds no values; leave it out of the model"
              .formatted(name, op.label(), type.shape()));
    }
    nodes.add(new Node(nodes.size(), name, op, inputs, type, context));
    return nodes.size() - 1;
  }

  private Optional<Tensor> fold(Op op, List<Integer> inputs) {
    List<Tensor> constants = new ArrayList<>();
    for (int input : inputs) {
      if (!(nodes.get(input).op() instanceof Constant constant)) {
        return Optional.empty();
      }
      constants.add(constant.tensor());
    }
    return constants.isEmpty() ? Optional.empty() : op.fold(constants);
  }

  /** Declares a state, whose source {@link #setSource} names later. */
  public int declareState(String name, TensorType type, int depth, Tensor initial) {
    states.add(new OpenState(name, type, depth, initial));
    return states.size() - 1;
  }

  /** Adds the read of a state's entry as it was {@code age} inferences ago (1 to its depth). */
  public int readState(int state, int age, NodeContext context) {
    OpenState open = states.get(state);
    String name = age == 1 ? open.name : open.name + "_" + age;
    return append(name, new StateRead(state, age, open.type), context, List.of());
  }

  public void setSource(int state, int node) {
    states.get(state).source = node;
  }

  public TensorType type(int node) {
    return nodes.get(node).type();
  }

  public Node node(int id) {
    return nodes.get(id);
  }

  /** The graph of what has been added, without the nodes from which no output follows. */
  public Graph build(List<Graph.Output> outputs) {
    boolean[] live = liveNodes(outputs);
    boolean[] liveStates = liveStates(live);
    int[] newStates = new int[states.size()];
    for (int state = 1; state < newStates.length; state++) {
      newStates[state] = newStates[state - 1] + (liveStates[state - 1] ? 1 : 0);
    }
    int[] newIds = new int[nodes.size()];
    List<Node> kept = new ArrayList<>();
    for (Node node : nodes) {
      if (live[node.id()]) {
        newIds[node.id()] = kept.size();
        List<Integer> inputs = node.inputs().stream().map(input -> newIds[input]).toList();
        Op op = node.op() instanceof StateRead read ? read.of(newStates[read.state()]) : node.op();
        kept.add(new Node(kept.size(), node.name(), op, inputs, node.type(), node.context()));
      }
    }
    List<State> closed = new ArrayList<>();
    for (int i = 0; i < newStates.length; i++) {
      OpenState state = states.get(i);
      if (liveStates[i]) {
        closed.add(
            new State(state.name, state.type, state.depth, state.initial, newIds[state.source]));
      }
    }
    return new Graph(
        kept,
        closed,
        outputs.stream()
            .map(out -> new Graph.Output(newIds[out.node()], out.format(), out.streamingDim()))
            .toList());
  }

  private boolean[] liveNodes(List<Graph.Output> outputs) {
    boolean[] live = new boolean[nodes.size()];
    outputs.forEach(output -> live[output.node()] = true);
    nodes.forEach(node -> live[node.id()] |= node.op() instanceof Input);
    boolean changed = true;
    while (changed) {
      for (int id = nodes.size() - 1; id >= 0; id--) {
        if (live[id]) {
          nodes.get(id).inputs().forEach(input -> live[input] = true);
        }
      }
      changed = false;
      boolean[] liveStates = liveStates(live);
      for (int state = 0; state < liveStates.length; state++) {
        int source = states.get(state).source;
        changed |= liveStates[state] && !live[source];
        live[source] |= liveStates[state];
      }
    }
    return live;
  }

  /** The states that something reads from which an output follows. */
  private boolean[] liveStates(boolean[] live) {
    boolean[] liveStates = new boolean[states.size()];
    for (OpenState state : states) {
      if (state.source < 0) {
        throw new CompilerBug("state " + state.name + " has no source");
      }
    }
    for (Node node : nodes) {
      if (live[node.id()] && node.op() instanceof StateRead read) {
        liveStates[read.state()] = true;
      }
    }
    return liveStates;
  }

  /** Adds a constant. */
  public int constant(String name, Tensor tensor) {
    return append(name, new Constant(tensor), NodeContext.DEFAULT, List.of());
  }
}
