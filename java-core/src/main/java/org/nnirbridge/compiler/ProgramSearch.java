package org.nnirbridge.compiler;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.nnirbridge.backend.Backend;
import org.nnirbridge.backend.RowCuts;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.latency.LatencyEstimator;
import org.nnirbridge.layout.DataDimensions;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.program.Model;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;
import org.nnirbridge.program.ProgramVerifier;
import org.nnirbridge.tile.TileGraph;

/** Compiles models in several ways and keeps the fastest that fits, by the estimate. */
final class ProgramSearch {
  /** Rows are cut where that leaves this share of the cycles or less: docs/calibration.md. */
  private static final double WORTH_CUTTING = 0.9;

  private final HardwareConfig config;
  private final List<Compiler.Model> models;
  private final List<DataDimensions> layouts;

  ProgramSearch(HardwareConfig config, List<Compiler.Model> models, List<DataDimensions> layouts) {
    this.config = config;
    this.models = models;
    this.layouts = layouts;
  }

  /**
   * The program.
   *
   * @throws DoesNotFit when the models need more of a store than there is in whatever way
   */
  Program find() {
    try {
      return fastest();
    } catch (DoesNotFit asItIs) {
      return smallest();
    }
  }

  /**
   * The program of the kind that does without cut rows; one with cut rows where that is much
   * faster.
   */
  private Program fastest() {
    List<TileGraph> tiles = Compiler.lower(config, models, layouts, false);
    Program whole = best(tiles, RowCuts.Kind.NONE);
    boolean cutsAny =
        tiles.stream().anyMatch(graph -> RowCuts.cutAny(RowCuts.Kind.LEFT_OVER, config, graph));
    if (!cutsAny || !models.stream().allMatch(ProgramSearch::triesTransforms)) {
      return whole;
    }
    try {
      Program cut = best(tiles, RowCuts.Kind.LEFT_OVER);
      return cycles(cut) <= WORTH_CUTTING * cycles(whole) ? cut : whole;
    } catch (DoesNotFit cutDoesNotFit) {
      return whole;
    }
  }

  private static boolean triesTransforms(Compiler.Model model) {
    return !Boolean.FALSE.equals(model.options().optimizeTransforms())
        && !Boolean.TRUE.equals(model.options().quickCompile());
  }

  /** The first program that fits of those that save room, even where that costs cycles. */
  private Program smallest() {
    List<TileGraph> packed = Compiler.lower(config, models, layouts, true);
    try {
      return best(packed, RowCuts.Kind.NONE);
    } catch (DoesNotFit whole) {
      return best(packed, RowCuts.Kind.ALL);
    }
  }

  /** The program with the fewest cycles of those that the models' seeds give. */
  private Program best(List<TileGraph> tiles, RowCuts.Kind kind) {
    List<Program> programs = new ArrayList<>();
    List<DoesNotFit> refusals = new ArrayList<>();
    for (long seed : seeds()) {
      try {
        programs.add(assemble(Backend.compile(config, tiles, kind, seed)));
      } catch (DoesNotFit doesNotFit) {
        refusals.add(doesNotFit);
      }
    }
    if (programs.isEmpty()) {
      throw refusals.get(0);
    }
    return programs.size() == 1
        ? programs.get(0)
        : Collections.min(programs, Comparator.comparingLong(this::cycles));
  }

  /** The seeds of all models, each once; with {@code quick_compile} only the first. */
  private Set<Long> seeds() {
    Set<Long> seeds = new LinkedHashSet<>();
    for (Compiler.Model model : models) {
      List<Long> own = model.options().randomSeeds();
      boolean quick = Boolean.TRUE.equals(model.options().quickCompile());
      seeds.addAll(own == null ? List.of(0L) : quick ? own.subList(0, 1) : own);
    }
    return seeds;
  }

  /** The cycles of one inference of each model; programs that the capacities block come last. */
  private long cycles(Program program) {
    long cycles = 0;
    for (int model = 0; model < program.models().size(); model++) {
      CompileOptions options = models.get(model).options();
      int queue = options.writeQueueCapacity();
      int buffer = options.outputBufferCapacity();
      try {
        cycles += LatencyEstimator.estimate(program, model, queue, buffer, true).cycles();
      } catch (InvalidArgument tooSmall) {
        return Long.MAX_VALUE;
      }
    }
    return cycles;
  }

  private Program assemble(Backend.Result result) {
    List<Model> compiled = new ArrayList<>();
    for (int m = 0; m < models.size(); m++) {
      Compiler.Model model = models.get(m);
      compiled.add(
          new Model(
              model.name(),
              inputPorts(model.graph(), layouts.get(m)),
              outputPorts(model.graph(), layouts.get(m)),
              result.code().get(m),
              Boolean.TRUE.equals(model.options().generateStateReset()),
              model.graph().nodes().stream().map(Node::place).toList()));
    }
    Program program = new Program(config, result.images(), compiled);
    ProgramVerifier.verify(program);
    return program;
  }

  private static List<Port> inputPorts(Graph graph, DataDimensions layout) {
    List<Port> ports = new ArrayList<>();
    for (Node node : graph.inputs()) {
      Input input = (Input) node.op();
      ports.add(
          new Port(
              node.name(),
              node.type().shape(),
              node.type().format(),
              input.streamingDim(),
              layout.ofNode().get(node.id())));
    }
    return ports;
  }

  private static List<Port> outputPorts(Graph graph, DataDimensions layout) {
    List<Port> ports = new ArrayList<>();
    for (Graph.Output output : graph.outputs()) {
      Node node = graph.node(output.node());
      ports.add(
          new Port(
              node.name(),
              node.type().shape(),
              output.format(),
              output.streamingDim(),
              layout.ofNode().get(node.id())));
    }
    return ports;
  }
}
