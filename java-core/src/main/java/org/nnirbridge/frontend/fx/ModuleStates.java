package org.nnirbridge.frontend.fx;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;

/** What modules keep from call to call, by the instance of the module. */
final class ModuleStates {
  /**
   * A state while the graph is built.
   *
   * @param scope the scan in whose step the module is called; empty outside of any
   * @param latest the node that the next call goes on from
   */
  private record Kept(String scope, int state, int latest) {}

  private final Map<Integer, Kept> states = new HashMap<>();
  private final Set<Integer> claimed = new HashSet<>();

  /** Whether this is the first claim of an instance. */
  boolean claim(int instance) {
    return claimed.add(instance);
  }

  /** The node that holds the state of a module as its previous call left it. */
  int read(ModuleCall module, TensorType type, Tensor initial) {
    Call call = module.call();
    Kept kept = states.get(module.instance());
    if (kept == null) {
      int state = call.builder().declareState(call.name() + "_state", type, 1, initial);
      int latest = call.builder().readState(state, 1, call.context());
      kept = new Kept(module.scope(), state, latest);
      states.put(module.instance(), kept);
    }
    if (!kept.scope().equals(module.scope())) {
      throw call.refuse(
          "its state would carry over from "
              + (kept.scope().isEmpty() ? "outside of a scan" : "the whole of another scan")
              + ", which is not known while streaming; use a module of its own here");
    }
    if (!call.builder().type(kept.latest()).equals(type)) {
      throw call.refuse(
          "it was called with a state of shape "
              + call.builder().type(kept.latest()).shape()
              + " before, and now with "
              + type.shape());
    }
    return kept.latest();
  }

  /** Makes a node the state of a module, for its next call and for the next inference. */
  void write(ModuleCall module, int node) {
    Kept kept = states.get(module.instance());
    states.put(module.instance(), new Kept(kept.scope(), kept.state(), node));
    module.call().builder().setSource(kept.state(), node);
  }
}
