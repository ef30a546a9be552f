package org.nnirbridge.latency;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Where the cycles of an inference go.
 *
 * @param cycles from the first input word to the last output word
 * @param criticalPath what the last output word waited for, in the order of time; the parts follow
 *     on each other and fill all cycles
 * @param layers the operators, those with the largest share of the critical path first
 * @param cores what each core does and holds
 * @param ifLeast the cycles if one of the units' times were at its least, the others as they are
 * @param timeline when each unit worked on which operator
 */
public record Explanation(
    String model,
    boolean spaced,
    long cycles,
    List<Part> criticalPath,
    List<Layer> layers,
    List<Core> cores,
    Map<String, Long> ifLeast,
    List<Span> timeline) {
  public Explanation {
    criticalPath = List.copyOf(criticalPath);
    layers = List.copyOf(layers);
    cores = List.copyOf(cores);
    timeline = List.copyOf(timeline);
  }

  /**
   * A part of the critical path.
   *
   * @param what {@code input}, {@code output}, {@code select} or the unit that worked or was waited
   *     for
   * @param core -1 for what is not in a core
   */
  public record Part(String layer, String what, int core, long from, long to) {}

  /**
   * An operator.
   *
   * @param criticalCycles its part of the critical path
   * @param products for each core the weight blocks that it multiplies by, early work included
   */
  public record Layer(String name, long criticalCycles, List<Long> products) {}

  /**
   * A core.
   *
   * @param busy for each unit the cycles of the inference in which it works
   * @param matrixIdle the share of the cycles in which the matrix unit does not work
   * @param stores for each store how many of its entries are in use, then its depth
   */
  public record Core(
      int core, Map<String, Long> busy, double matrixIdle, Map<String, List<Integer>> stores) {}

  /** A unit's work on an operator. */
  public record Span(int core, String unit, String layer, long from, long to) {}

  /** The explanation in words and tables. */
  public String text() {
    StringBuilder text = new StringBuilder();
    line(text, "%s: %d cycles, %s", model, cycles, spaced ? "spaced" : "back to back");
    line(text, "");
    line(text, "critical path:");
    for (Part part : criticalPath) {
      String where = part.core() < 0 ? "" : "core " + part.core();
      String range = part.from() + " to " + part.to();
      line(
          text,
          "  %5d cycles  %-14s %-8s %-7s %s",
          part.to() - part.from(),
          range,
          part.what(),
          where,
          part.layer());
    }
    line(text, "");
    line(text, "operators: cycles on the critical path, weight blocks multiplied by on each core");
    for (Layer layer : layers) {
      line(text, "  %5d  %-30s %s", layer.criticalCycles(), layer.name(), layer.products());
    }
    line(text, "");
    line(text, "cores:");
    for (Core core : cores) {
      line(
          text,
          "  core %d: matrix unit idle %.0f%%, busy cycles %s, stores %s",
          core.core(),
          100 * core.matrixIdle(),
          core.busy(),
          core.stores());
    }
    line(text, "");
    line(text, "what would help:");
    for (Map.Entry<String, Long> faster : ifLeast.entrySet()) {
      line(
          text,
          "  %-15s at its least: %d cycles (%+d)",
          faster.getKey(),
          faster.getValue(),
          faster.getValue() - cycles);
    }
    return text.toString();
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values).stripTrailing()).append('\n');
  }
}
