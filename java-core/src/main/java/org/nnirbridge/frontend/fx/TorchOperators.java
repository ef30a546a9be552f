package org.nnirbridge.frontend.fx;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Tensor;

/**
 * PyTorch's operators for other frontends, so that the same operator is the same nodes wherever it
 * comes from.
 *
 * @param builder where nodes are added
 * @param context what was asked for around the operator
 * @param name the name of the node
 * @param operator what the frontend's user calls the operator
 */
public record TorchOperators(
    GraphBuilder builder, NodeContext context, String name, String operator) {

  /** Adds a function by PyTorch's name for it. */
  public Argument function(String function, List<Argument> args, Map<String, Argument> kwargs) {
    return Functions.find(function).orElseThrow().apply(call(args, kwargs));
  }

  /** Adds a module by the name of its class, such as {@code torch.nn.BatchNorm1d}. */
  public Argument module(
      String type,
      List<Argument> args,
      Map<String, Argument> attributes,
      Map<String, Tensor> parameters) {
    ModuleCall module =
        new ModuleCall(
            call(args, Map.of()),
            attributes,
            parameters,
            0,
            new ModuleStates(),
            "",
            Optional.empty());
    return Modules.find(type).orElseThrow().apply(module);
  }

  private Call call(List<Argument> args, Map<String, Argument> kwargs) {
    return new Call(builder, context, name, operator, args, kwargs);
  }
}
