package org.nnirbridge.latency;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.isa.Instruction;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.latency.CoreClock.Moment;
import org.nnirbridge.program.CoreCode;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.program.LayerRun;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Program;

/** Reads from a simulation where the cycles went. */
final class Explainer {
  private static final String UNKNOWN = "(operator not known)";

  private final Program program;
  private final Model model;
  private final Simulation simulation;
  private final Moment lastOutput;
  private final long select;
  private final long cycles;

  /** For each core and instruction the operator's place in the model's list; -1 if not known. */
  private final List<int[]> layers = new ArrayList<>();

  Explainer(Program program, int modelIndex, Simulation simulation) {
    this.program = program;
    this.model = program.models().get(modelIndex);
    this.simulation = simulation;
    this.select = LatencyEstimator.selectLatency(program);
    this.lastOutput = simulation.lastOutput();
    this.cycles = lastOutput.at() + select;
    model.code().forEach(core -> layers.add(layers(core)));
  }

  private static int[] layers(CoreCode core) {
    int[] layers = new int[core.instructions().size()];
    Arrays.fill(layers, -1);
    int next = 0;
    for (LayerRun run : core.layers()) {
      for (int i = 0; i < run.instructions(); i++) {
        layers[next++] = run.layer();
      }
    }
    return layers;
  }

  /** The weight blocks that a core multiplies by in an inference. */
  static long products(CoreCode core) {
    return core.instructions().stream().mapToLong(Explainer::products).sum();
  }

  private static long products(Instruction instruction) {
    return instruction.opcode() == Opcode.MATVEC ? instruction.field(3) : 0;
  }

  Explanation explain(boolean spaced, Map<String, Long> ifLeast) {
    List<Explanation.Part> path = criticalPath();
    List<Explanation.Span> timeline = timeline();
    return new Explanation(
        model.name(), spaced, cycles, path, layers(path), cores(timeline), ifLeast, timeline);
  }

  private String layerOf(Event event) {
    int layer = layers.get(event.core())[event.instruction()];
    return layer < 0 ? UNKNOWN : model.layers().get(layer);
  }

  private static String name(Unit unit) {
    return unit.name().toLowerCase(Locale.ROOT);
  }

  /** From the last output back to the first input: each event and what it waited for. */
  private List<Explanation.Part> criticalPath() {
    List<Explanation.Part> backwards = new ArrayList<>();
    if (select > 0) {
      add(backwards, new Explanation.Part("", "select", -1, cycles - select, cycles));
    }
    long to = lastOutput.at();
    int next = lastOutput.by();
    while (to > 0 && next >= 0) {
      Event event = simulation.events().get(next);
      long from = Math.max(0, Math.min(event.boundAt(), to));
      add(
          backwards,
          new Explanation.Part(layerOf(event), name(event.unit()), event.core(), from, to));
      to = from;
      next = event.cause();
    }
    if (to > 0) {
      add(backwards, new Explanation.Part("", next == Event.INPUT ? "input" : "start", -1, 0, to));
    }
    Collections.reverse(backwards);
    return backwards;
  }

  /** Adds a part before the others; joins it with what follows where that is the same work. */
  private static void add(List<Explanation.Part> backwards, Explanation.Part part) {
    if (part.from() == part.to()) {
      return;
    }
    Explanation.Part after = backwards.isEmpty() ? null : backwards.get(backwards.size() - 1);
    boolean same =
        after != null
            && after.layer().equals(part.layer())
            && after.what().equals(part.what())
            && after.core() == part.core();
    if (same) {
      backwards.remove(backwards.size() - 1);
    }
    backwards.add(
        new Explanation.Part(
            part.layer(), part.what(), part.core(), part.from(), same ? after.to() : part.to()));
  }

  private List<Explanation.Layer> layers(List<Explanation.Part> path) {
    Map<String, Long> critical = new LinkedHashMap<>();
    for (Explanation.Part part : path) {
      if (part.core() >= 0) {
        critical.merge(part.layer(), part.to() - part.from(), Long::sum);
      }
    }
    Map<String, long[]> products = new LinkedHashMap<>();
    for (int core = 0; core < layers.size(); core++) {
      for (int i = 0; i < layers.get(core).length; i++) {
        int layer = layers.get(core)[i];
        String name = layer < 0 ? UNKNOWN : model.layers().get(layer);
        long[] ofLayer = products.computeIfAbsent(name, n -> new long[layers.size()]);
        ofLayer[core] += products(model.code().get(core).instructions().get(i));
      }
    }
    List<Explanation.Layer> shares = new ArrayList<>();
    products.forEach(
        (name, ofCores) ->
            shares.add(
                new Explanation.Layer(
                    name,
                    critical.getOrDefault(name, 0L),
                    Arrays.stream(ofCores).boxed().toList())));
    shares.sort(Comparator.comparingLong(share -> -share.criticalCycles()));
    return shares;
  }

  private List<Explanation.Core> cores(List<Explanation.Span> timeline) {
    List<Map<String, Long>> busy = new ArrayList<>();
    for (int core = 0; core < layers.size(); core++) {
      busy.add(new LinkedHashMap<>());
    }
    for (Explanation.Span span : timeline) {
      busy.get(span.core()).merge(span.unit(), span.to() - span.from(), Long::sum);
    }
    List<Explanation.Core> cores = new ArrayList<>();
    for (int core = 0; core < layers.size(); core++) {
      long matrix = busy.get(core).getOrDefault(name(Unit.MATRIX), 0L);
      double idle = cycles == 0 ? 0 : 1 - (double) matrix / cycles;
      cores.add(new Explanation.Core(core, busy.get(core), idle, stores(core)));
    }
    return cores;
  }

  private Map<String, List<Integer>> stores(int core) {
    HardwareConfig config = program.config();
    CoreImage image = program.images().get(core);
    Map<String, List<Integer>> stores = new LinkedHashMap<>();
    stores.put(
        "weight_store",
        List.of(image.weightStoreUsed(config.blockSize()), config.weightStoreDepth()));
    stores.put("tensor_ram", List.of(image.tensorBlocks(), config.tensorRamDepth()));
    stores.put("accumulators", List.of(image.accumulators(), config.accumStoreDepth()));
    stores.put("cell_store", List.of(image.cellBlocks(), config.cellStateDepth()));
    stores.put("clamp_store", List.of(image.clampMinimum().length, config.clampStoreDepth()));
    return stores;
  }

  /** What each unit works on from the first input word on; work on one operator is one span. */
  private List<Explanation.Span> timeline() {
    Map<String, Explanation.Span> open = new LinkedHashMap<>();
    List<Explanation.Span> spans = new ArrayList<>();
    for (Event event : simulation.events()) {
      long from = Math.max(0, event.boundAt());
      if (event.freeAt() <= from) {
        continue;
      }
      String unit = name(event.unit());
      String layer = layerOf(event);
      Explanation.Span last = open.get(unit + event.core());
      boolean goesOn = last != null && last.layer().equals(layer) && last.to() >= from;
      if (!goesOn && last != null) {
        spans.add(last);
      }
      open.put(
          unit + event.core(),
          new Explanation.Span(
              event.core(), unit, layer, goesOn ? last.from() : from, event.freeAt()));
    }
    spans.addAll(open.values());
    spans.sort(
        Comparator.comparingInt(Explanation.Span::core)
            .thenComparing(Explanation.Span::unit)
            .thenComparingLong(Explanation.Span::from));
    return spans;
  }
}
