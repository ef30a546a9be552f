package org.nnirbridge.vm.plan;

import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.isa.Opcode;

/**
 * The order in which results lie best: those of the same role together, such as an LSTM's input
 * gates, and within it as what they are used by, up to their places among the sources of a sum.
 *
 * <p>A result has the role of its first use, as which source of which operation or of a sum. What
 * is joined with another has the role of both.
 */
final class Roles implements Comparator<Result> {
  private final Map<Result, Role> roles = new IdentityHashMap<>();

  /**
   * @param kind a number for the source of an operation that it is
   * @param place among those of the same kind
   */
  private record Role(int kind, int place) {
    static final Role NONE = new Role(0, 0);
  }

  private record Use(Result user, int source) {}

  Roles(Dataflow flow) {
    Map<Result, Use> uses = new IdentityHashMap<>();
    Map<Result, Integer> places = new IdentityHashMap<>();
    for (Result result : flow.results()) {
      places.put(result, places.size());
      int number = 0;
      for (Value source : result.sources()) {
        if (source instanceof Result other) {
          uses.putIfAbsent(other, new Use(result, number));
        }
        number++;
      }
    }
    List<Result> results = flow.results();
    for (int i = results.size() - 1; i >= 0; i--) {
      Use use = uses.get(results.get(i));
      if (use != null) {
        roles.put(results.get(i), role(use, places.get(use.user())));
      }
    }
  }

  private Role role(Use use, int placeOfUser) {
    if (!(use.user() instanceof Operation operation)) {
      return new Role(0, use.source());
    }
    Role ofUser = roles.get(operation);
    if (operation.opcode() == Opcode.ZIP && ofUser != null) {
      return ofUser;
    }
    int kind = 1 + operation.opcode().ordinal() * Opcode.values().length + use.source();
    return new Role(kind, ofUser == null ? placeOfUser : ofUser.place());
  }

  /** The place of a result among those of its role. */
  int place(Result result) {
    return roles.getOrDefault(result, Role.NONE).place();
  }

  @Override
  public int compare(Result a, Result b) {
    Role first = roles.getOrDefault(a, Role.NONE);
    Role second = roles.getOrDefault(b, Role.NONE);
    return first.kind() != second.kind()
        ? Integer.compare(first.kind(), second.kind())
        : Integer.compare(first.place(), second.place());
  }
}
