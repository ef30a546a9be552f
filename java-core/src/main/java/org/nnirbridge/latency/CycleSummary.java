package org.nnirbridge.latency;

import java.util.Map;

/**
 * The cycles of one inference.
 *
 * @param cycles from the first word of the first input to the last word of the last output
 * @param figures named parts of the estimate, in cycles from the first input word
 */
public record CycleSummary(long cycles, Map<String, Long> figures) {
  public CycleSummary {
    figures = Map.copyOf(figures);
  }
}
