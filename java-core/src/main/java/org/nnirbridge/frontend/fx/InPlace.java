package org.nnirbridge.frontend.fx;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Follows operations that change their first operand in place: what reads that operand later means
 * the changed values. {@code y = fc(x); z = relu_(y); return y + z} is {@code z + z}.
 */
final class InPlace {
  /** What may give a tensor that shares the values of its first operand. */
  private static final Set<String> VIEWS =
      Set.of(
          "broadcast_tensors",
          "broadcast_to",
          "chunk",
          "contiguous",
          "detach",
          "dropout",
          "expand",
          "expand_as",
          "flatten",
          "float",
          "getattr",
          "getitem",
          "narrow",
          "permute",
          "reshape",
          "reshape_as",
          "select",
          "split",
          "squeeze",
          "swapaxes",
          "swapdims",
          "t",
          "to",
          "torch.nn.Dropout",
          "torch.nn.Dropout1d",
          "torch.nn.Flatten",
          "torch.nn.Identity",
          "torch.nn.Unflatten",
          "transpose",
          "type",
          "unflatten",
          "unsqueeze",
          "view",
          "view_as");

  private static final Set<String> OPERATORS = Set.of("iadd", "isub", "imul", "itruediv", "relu_");

  /** Where functions take {@code inplace} by position. */
  private static final Map<String, Integer> POSITION_OF_FLAG =
      Map.of(
          "relu",
          1,
          "relu6",
          1,
          "silu",
          1,
          "hardswish",
          1,
          "elu",
          2,
          "leaky_relu",
          2,
          "hardtanh",
          3);

  /** For each node the one whose values it shares; itself when it has its own. */
  private final Map<String, String> owners = new HashMap<>();

  /** The nodes that are several tensors, each with values of its own. */
  private final Set<String> tuples = new HashSet<>();

  /** For each node whose values are no longer what they were, the node that changed them. */
  private final Map<String, String> changers = new HashMap<>();

  /** Why a node cannot read what it reads; empty when it can. */
  Optional<String> refusal(JsonNode node) {
    return operands(node).stream()
        .filter(changers::containsKey)
        .findFirst()
        .map(
            operand ->
                "%s, which it reads, shares its values with what %s changed in place; use the operation that is not in place"
                    .formatted(operand, changers.get(operand)));
  }

  /** Takes note of a node; gives the operand that from now on means its result, if any. */
  Optional<String> note(JsonNode node) {
    String name = node.path("name").asText();
    List<String> operands = operands(node);
    String kind = node.path(node.has("type") ? "type" : "target").asText();
    boolean item = kind.equals("getitem") && tuples.contains(operands.get(0));
    boolean view = VIEWS.contains(kind) && !operands.isEmpty() && !item;
    if (!view && node.path("shape").has("tuple")) {
      tuples.add(name);
    }
    boolean changes = !view && !operands.isEmpty() && isInPlace(node, kind);
    owners.put(name, view || changes ? owners.get(operands.get(0)) : name);
    if (!changes) {
      return Optional.empty();
    }
    String changed = operands.get(0);
    for (var entry : owners.entrySet()) {
      boolean shares = entry.getValue().equals(owners.get(changed));
      if (shares && !entry.getKey().equals(name) && !entry.getKey().equals(changed)) {
        changers.put(entry.getKey(), name);
      }
    }
    return Optional.of(changed);
  }

  /** Whether a node changes its first operand. */
  static boolean isInPlace(JsonNode node, String kind) {
    int position = POSITION_OF_FLAG.getOrDefault(kind, Integer.MAX_VALUE);
    return OPERATORS.contains(kind)
        || node.path("attrs").path("inplace").asBoolean()
        || node.path("kwargs").path("inplace").asBoolean()
        || node.path("args").path(position).asBoolean();
  }

  /** The names of the nodes among the arguments, in their order. */
  static List<String> operands(JsonNode node) {
    List<String> names = new ArrayList<>();
    collect(node.path("args"), names);
    collect(node.path("kwargs"), names);
    return names;
  }

  private static void collect(JsonNode json, List<String> names) {
    if (json.path("node").isTextual()) {
      names.add(json.get("node").asText());
    } else {
      json.forEach(item -> collect(item, names));
    }
  }
}
