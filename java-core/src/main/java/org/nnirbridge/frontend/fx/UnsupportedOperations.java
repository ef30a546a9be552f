package org.nnirbridge.frontend.fx;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.TreeMap;
import org.nnirbridge.diagnostic.UnsupportedModel;

/** Gathers what a traced graph's output needs and no table has, steps of scans included. */
final class UnsupportedOperations {
  private UnsupportedOperations() {}

  /** Throws UnsupportedModel with a line for each kind of operation that is not there. */
  static void refuse(JsonNode nodes) {
    Map<String, Integer> found = new TreeMap<>();
    count(nodes, found);
    UnsupportedModel.refuseAll(found);
  }

  /** The class without its package, unless a supported one has the same name. */
  private static String shownClass(String type) {
    String name = type.substring(type.lastIndexOf('.') + 1);
    boolean ambiguous = Modules.names().stream().anyMatch(known -> known.endsWith("." + name));
    return ambiguous ? type : name;
  }

  private static void count(JsonNode nodes, Map<String, Integer> found) {
    for (JsonNode node : LiveNodes.of(nodes)) {
      count(node.path("graph").path("nodes"), found);
      String target = node.path("target").asText();
      String kind =
          switch (FxImporter.text(node, "op")) {
            case "call_function" -> {
              String attribute = node.path("args").path(1).path("str").asText();
              if (target.equals("getattr") && !Functions.isAttribute(attribute)) {
                target = attribute;
                yield "attribute";
              }
              yield Functions.find(target).isPresent() ? "" : "function";
            }
            case "call_method" -> Functions.findMethod(target).isPresent() ? "" : "method";
            case "call_module" -> {
              target = FxImporter.text(node, "type");
              yield Modules.find(target).isPresent() ? "" : "module";
            }
            case "get_attr" -> node.path("tensor").isNumber() ? "" : "attribute";
            default -> "";
          };
      if (!kind.isEmpty()) {
        String shown = kind.equals("module") ? shownClass(target) : target;
        found.merge("unsupported " + kind + " '" + shown + "'", 1, Integer::sum);
      }
    }
  }
}
