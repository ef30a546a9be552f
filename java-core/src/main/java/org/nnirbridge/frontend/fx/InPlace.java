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

  private static final Set<String> OPERATORS = Set.of("iadd", "isub", "imul", "itruediv");

  /** What there is also as a function or method that ends with {@code _} and works in place. */
  static final Set<String> FUNCTIONS =
      Set.of(
          "abs",
          "add",
          "clamp",
          "div",
          "exp",
          "log",
          "masked_fill",
          "mul",
          "neg",
          "relu",
          "sigmoid",
          "sqrt",
          "sub",
          "tanh");

  /** How torch.fx names tensors that forward makes anew in each call. */
  private static final String MADE_BY_FORWARD = "_tensor_constant";

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

  /** For each node the first that is the same tensor: {@code y} for {@code y.add_(1)}. */
  private final Map<String, String> firstNames = new HashMap<>();

  /** The nodes that are several tensors, each with values of its own. */
  private final Set<String> tuples = new HashSet<>();

  /** The nodes that are parameters or buffers. */
  private final Set<String> attributes = new HashSet<>();

  /** For each attribute of the model the first node that reads it. */
  private final Map<String, String> firstReads = new HashMap<>();

  /** For each node whose values are no longer what they were, the node that changed them. */
  private final Map<String, String> changers = new HashMap<>();

  /** Why a node cannot read or change what it does; empty when it can. */
  Optional<String> refusal(JsonNode node) {
    List<String> operands = operands(node);
    if (!operands.isEmpty() && isInPlace(node, kind(node))) {
      String owner = owners.get(operands.get(0));
      if (attributes.contains(owner)) {
        return Optional.of(
            "it changes %s in place, which would last until the next call; keep states in a vollo_torch.nn.Scan, or use the operation that is not in place"
                .formatted(owner));
      }
    }
    return operands.stream()
        .filter(changers::containsKey)
        .findFirst()
        .map(
            operand ->
                "%s, which it reads, shares its values with what %s changed in place; use the operation that is not in place"
                    .formatted(operand, changers.get(operand)));
  }

  /** Takes note of a node; gives the names that from now on mean its result too. */
  List<String> note(JsonNode node) {
    String name = node.path("name").asText();
    List<String> operands = operands(node);
    String kind = kind(node);
    if (node.path("op").asText().equals("get_attr")) {
      noteAttribute(name, node.path("target").asText());
      return List.of();
    }
    boolean item = kind.equals("getitem") && tuples.contains(operands.get(0));
    boolean view = VIEWS.contains(kind) && !operands.isEmpty() && !item;
    if (!view && node.path("shape").has("tuple")) {
      tuples.add(name);
    }
    boolean changes = !view && !operands.isEmpty() && isInPlace(node, kind);
    owners.put(name, view || changes ? owners.get(operands.get(0)) : name);
    firstNames.put(name, changes ? firstNames.get(operands.get(0)) : name);
    List<String> renamed = new ArrayList<>();
    for (String other : changes ? Set.copyOf(owners.keySet()) : Set.<String>of()) {
      if (firstNames.get(other).equals(firstNames.get(name))) {
        renamed.add(other);
      } else if (owners.get(other).equals(owners.get(name))) {
        changers.put(other, name);
      }
    }
    return renamed;
  }

  /** The node that read the same attribute before, if any: whatever it is by now. */
  Optional<String> sameTensor(JsonNode node) {
    return node.path("op").asText().equals("get_attr")
        ? Optional.ofNullable(firstReads.get(node.path("target").asText()))
        : Optional.empty();
  }

  private void noteAttribute(String name, String target) {
    String first = firstReads.computeIfAbsent(target, unread -> name);
    owners.put(name, owners.getOrDefault(first, name));
    firstNames.put(name, firstNames.getOrDefault(first, name));
    if (changers.containsKey(first)) {
      changers.put(name, changers.get(first));
    }
    if (!target.startsWith(MADE_BY_FORWARD)) {
      attributes.add(name);
    }
  }

  private static String kind(JsonNode node) {
    return node.path(node.has("type") ? "type" : "target").asText();
  }

  /** Whether a node changes its first operand. */
  static boolean isInPlace(JsonNode node, String kind) {
    int position = POSITION_OF_FLAG.getOrDefault(kind, Integer.MAX_VALUE);
    boolean named = kind.endsWith("_") && FUNCTIONS.contains(kind.substring(0, kind.length() - 1));
    return OPERATORS.contains(kind)
        || named
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
