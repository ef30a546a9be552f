package org.nnirbridge.frontend.fx;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Set;

/**
 * The nodes of a traced graph that its output follows from. Nothing is asked of the others: they
 * may be of any kind.
 *
 * <p>Kept besides are the placeholders, which are the model's inputs, and what does more than to
 * give a result: operations in place, and modules that keep a state from call to call.
 */
final class LiveNodes {
  private static final Set<String> WITH_STATE =
      Set.of("vollo_torch.nn.LSTMCell", "vollo_torch.nn.RecurrentStateLSTM");

  /** Python's names of {@code &} and {@code |}, which change nothing. */
  private static final Set<String> NOT_IN_PLACE = Set.of("and_", "or_");

  private LiveNodes() {}

  /** The nodes that count, in their order. */
  static List<JsonNode> of(JsonNode nodes) {
    LinkedList<JsonNode> live = new LinkedList<>();
    Set<String> needed = new HashSet<>();
    for (int i = nodes.size() - 1; i >= 0; i--) {
      JsonNode node = nodes.get(i);
      if (needed.contains(node.path("name").asText()) || hasEffect(node)) {
        needed.addAll(InPlace.operands(node));
        live.addFirst(node);
      }
    }
    return live;
  }

  private static boolean hasEffect(JsonNode node) {
    String target = node.path("target").asText();
    return switch (FxImporter.text(node, "op")) {
      case "get_attr" -> false;
      case "call_function", "call_method" ->
          InPlace.isInPlace(node, target)
              || node.path("kwargs").has("out")
              || target.equals("setitem")
              || (target.endsWith("_") && !NOT_IN_PLACE.contains(target));
      case "call_module" -> {
        String type = FxImporter.text(node, "type");
        yield InPlace.isInPlace(node, type) || WITH_STATE.contains(type);
      }
      default -> true;
    };
  }
}
