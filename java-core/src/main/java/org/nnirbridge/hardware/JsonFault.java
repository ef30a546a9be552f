package org.nnirbridge.hardware;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.stream.Collectors;

/** What is wrong with a configuration's JSON, in the names that its author used. */
final class JsonFault {
  private JsonFault() {}

  static String of(JsonProcessingException fault, String json) {
    if (fault instanceof UnrecognizedPropertyException unknown) {
      String names =
          unknown.getKnownPropertyIds().stream()
              .map(Object::toString)
              .sorted()
              .collect(Collectors.joining(", "));
      return "%s is not known; the names are %s".formatted(place(unknown, "."), names);
    }
    if (fault instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()) {
      return mismatch(mapping, json);
    }
    return "not a valid configuration: " + fault.getOriginalMessage();
  }

  private static String mismatch(JsonMappingException fault, String json) {
    // The other kind is a number that is too large.
    String needed =
        needed(fault instanceof MismatchedInputException other ? other.getTargetType() : int.class);
    String place = place(fault, ".");
    try {
      JsonNode value = new JsonMapper().readTree(json).at("/" + place(fault, "/"));
      return value.isMissingNode() || value.isNull()
          ? "%s is missing; give %s".formatted(place, needed)
          : "%s is %s; %s is needed".formatted(place, value, needed);
    } catch (JsonProcessingException e) {
      return "%s: %s is needed".formatted(place, needed);
    }
  }

  private static String place(JsonMappingException fault, String separator) {
    return fault.getPath().stream()
        .map(step -> step.getFieldName() == null ? "" + step.getIndex() : step.getFieldName())
        .collect(Collectors.joining(separator));
  }

  private static String needed(Class<?> type) {
    if (type == int.class || type == Integer.class) {
      return "an integer of 32 bits";
    }
    if (type == String.class) {
      return "a string";
    }
    return Iterable.class.isAssignableFrom(type) ? "a list" : "an object of names and integers";
  }
}
