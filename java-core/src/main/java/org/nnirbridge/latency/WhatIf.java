package org.nnirbridge.latency;

import java.util.LinkedHashMap;
import java.util.Map;
import org.nnirbridge.hardware.Timing;
import org.nnirbridge.program.Program;

/** What faster units would bring: the same program with one time at its least. */
final class WhatIf {
  private WhatIf() {}

  /** The cycles of an inference for each time that is set to its least, the others as they are. */
  static Map<String, Long> cycles(
      Program program, int modelIndex, int linkCapacity, boolean spaced) {
    Timing t = program.config().timing();
    Map<String, Timing> variants = new LinkedHashMap<>();
    variants.put("matrix_latency", t.with("matrix_latency", 0));
    variants.put("store_latency", t.with("store_latency", 1));
    variants.put("vector_latency", t.with("vector_latency", 1));
    variants.put("fold_interval", t.with("fold_interval", 1));
    variants.put("lstm_latency", t.with("lstm_latency", 1));
    variants.put("link_latency", t.with("link_latency", 0));
    Map<String, Long> cycles = new LinkedHashMap<>();
    variants.forEach(
        (name, timing) ->
            cycles.put(
                name,
                Simulation.run(program.withTiming(timing), modelIndex, linkCapacity, spaced)
                        .lastOutput()
                        .at()
                    + LatencyEstimator.selectLatency(program)));
    return cycles;
  }
}
