package org.nnirbridge.frontend.fx;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.InvalidArgument;

/** Reads the arguments of the graph document (docs/graph-document.md). */
final class ArgumentReader {
  private final Map<String, Argument> results;

  /** A reader to which the results of the nodes so far are known by name. */
  ArgumentReader(Map<String, Argument> results) {
    this.results = results;
  }

  Argument read(JsonNode json) {
    if (json.isNull()) {
      return new Argument.None();
    }
    if (json.isBoolean()) {
      return new Argument.Bool(json.booleanValue());
    }
    if (json.isNumber()) {
      return new Argument.Number(json.doubleValue(), json.isIntegralNumber());
    }
    if (!json.isObject() || json.size() != 1) {
      throw new InvalidArgument("graph document: not an argument: " + json);
    }
    String kind = json.fieldNames().next();
    JsonNode value = json.get(kind);
    return switch (kind) {
      case "node" -> result(value.asText());
      case "str" -> new Argument.Text(value.asText());
      case "list" -> Argument.Several.of(items(value)).asList();
      case "tuple" -> Argument.Several.of(items(value));
      case "slice" -> slice(value);
      case "ellipsis" -> new Argument.Ellipsis();
      case "dtype" -> new Argument.Dtype(value.asText());
      case "float" -> new Argument.Number(nonFinite(value.asText()), false);
      case "dict", "object" -> new Argument.Opaque(value.toString());
      default -> throw new InvalidArgument("graph document: no argument kind " + kind);
    };
  }

  private Argument result(String name) {
    Argument result = results.get(name);
    if (result == null) {
      throw new InvalidArgument("graph document: node " + name + " is used before it is defined");
    }
    return result;
  }

  private Argument slice(JsonNode parts) {
    if (parts.size() != 3) {
      throw new InvalidArgument("graph document: not a slice: " + parts);
    }
    return new Argument.SliceOf(read(parts.get(0)), read(parts.get(1)), read(parts.get(2)));
  }

  private static double nonFinite(String name) {
    return switch (name) {
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      case "nan" -> Double.NaN;
      default -> throw new InvalidArgument("graph document: not a float: " + name);
    };
  }

  private List<Argument> items(JsonNode array) {
    List<Argument> items = new ArrayList<>();
    array.forEach(item -> items.add(read(item)));
    return items;
  }
}
