package org.nnirbridge.compiler;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.nnirbridge.backend.Backend;
import org.nnirbridge.backend.RowCuts;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.latency.LatencyEstimator;
import org.nnirbridge.layout.DataDimensions;
import org.nnirbridge.layout.DynamicWeights;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.State;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.Conv1dStep;
import org.nnirbridge.nnir.op.GruCell;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.LowerStep;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmCell;
import org.nnirbridge.nnir.op.MatMul;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.RecurrentLayer;
import org.nnirbridge.program.Port;
import org.nnirbridge.program.Program;
import org.nnirbridge.program.ProgramVerifier;
import org.nnirbridge.tile.TileBuilder;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.WeightMatrix;
import org.nnirbridge.transform.FuseSums;

/** The line from graphs to a program. */
public final class Compiler {
  /** Rows are cut where that leaves this share of the cycles or less: docs/calibration.md. */
  private static final double WORTH_CUTTING = 0.9;

  private Compiler() {}

  /** A graph to compile into a program, and how. */
  public record Model(Graph graph, String name, CompileOptions options) {
    private Model withSumsFused() {
      boolean fuse = !Boolean.FALSE.equals(options.allowMixedPrecisionFusion());
      return new Model(fuse ? FuseSums.run(graph) : FuseSums.undo(graph), name, options);
    }
  }

  /**
   * Compiles models into one program, in their order.
   *
   * @throws UnsupportedModel when a model cannot run on such a machine, naming the node
   * @throws org.nnirbridge.diagnostic.DoesNotFit when they need more of a store than there is
   */
  public static Program compile(HardwareConfig config, List<Model> models) {
    if (models.isEmpty()) {
      throw new InvalidArgument("a program needs at least one model; add one before compiling");
    }
    models.forEach(model -> check(config, model));
    List<Model> fused = models.stream().map(Model::withSumsFused).toList();
    List<DataDimensions> layouts =
        fused.stream()
            .map(model -> DynamicWeights.infer(model.graph(), allowsDynamicWeights(model)))
            .toList();
    List<TileGraph> tiles = lower(config, fused, layouts, false);
    try {
      return fastest(config, fused, layouts, tiles);
    } catch (DoesNotFit asItIs) {
      return smallest(config, fused, layouts);
    }
  }

  /**
   * The program of the kind that does without cut rows; one with cut rows where that is much
   * faster.
   */
  private static Program fastest(
      HardwareConfig config,
      List<Model> models,
      List<DataDimensions> layouts,
      List<TileGraph> tiles) {
    Program whole = best(config, models, layouts, tiles, RowCuts.Kind.NONE);
    boolean cutsAny =
        tiles.stream().anyMatch(graph -> RowCuts.cutAny(RowCuts.Kind.LEFT_OVER, config, graph));
    if (!cutsAny || !models.stream().allMatch(Compiler::triesTransforms)) {
      return whole;
    }
    try {
      Program cut = best(config, models, layouts, tiles, RowCuts.Kind.LEFT_OVER);
      return cycles(cut, models) <= WORTH_CUTTING * cycles(whole, models) ? cut : whole;
    } catch (DoesNotFit cutDoesNotFit) {
      return whole;
    }
  }

  private static boolean triesTransforms(Model model) {
    return !Boolean.FALSE.equals(model.options().optimizeTransforms())
        && !Boolean.TRUE.equals(model.options().quickCompile());
  }

  /** The first program that fits of those that save room, even where that costs cycles. */
  private static Program smallest(
      HardwareConfig config, List<Model> models, List<DataDimensions> layouts) {
    List<TileGraph> packed = lower(config, models, layouts, true);
    try {
      return best(config, models, layouts, packed, RowCuts.Kind.NONE);
    } catch (DoesNotFit whole) {
      return best(config, models, layouts, packed, RowCuts.Kind.ALL);
    }
  }

  /** The program with the fewest cycles of those that the models' seeds give. */
  private static Program best(
      HardwareConfig config,
      List<Model> models,
      List<DataDimensions> layouts,
      List<TileGraph> tiles,
      RowCuts.Kind kind) {
    List<Program> programs = new ArrayList<>();
    List<DoesNotFit> refusals = new ArrayList<>();
    for (long seed : seeds(models)) {
      try {
        programs.add(assemble(config, models, layouts, Backend.compile(config, tiles, kind, seed)));
      } catch (DoesNotFit doesNotFit) {
        refusals.add(doesNotFit);
      }
    }
    if (programs.isEmpty()) {
      throw refusals.get(0);
    }
    return programs.size() == 1
        ? programs.get(0)
        : Collections.min(programs, Comparator.comparingLong(program -> cycles(program, models)));
  }

  /** The seeds of all models, each once; with {@code quick_compile} only the first. */
  private static Set<Long> seeds(List<Model> models) {
    Set<Long> seeds = new LinkedHashSet<>();
    for (Model model : models) {
      List<Long> own = model.options().randomSeeds();
      boolean quick = Boolean.TRUE.equals(model.options().quickCompile());
      seeds.addAll(own == null ? List.of(0L) : quick ? own.subList(0, 1) : own);
    }
    return seeds;
  }

  /** The cycles of one inference of each model; programs that the capacities block come last. */
  private static long cycles(Program program, List<Model> models) {
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

  private static Program assemble(
      HardwareConfig config,
      List<Model> models,
      List<DataDimensions> layouts,
      Backend.Result result) {
    List<org.nnirbridge.program.Model> compiled = new ArrayList<>();
    for (int m = 0; m < models.size(); m++) {
      Model model = models.get(m);
      compiled.add(
          new org.nnirbridge.program.Model(
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

  private static void check(HardwareConfig config, Model model) {
    model.options().check(config);
    List<Node> nodes = model.graph().nodes();
    for (Node node : nodes) {
      OptionalInt axis = node.op().neededStreamingAxis();
      if (axis.isPresent()) {
        throw new UnsupportedModel(
            "%s: it hands state from one element of axis %d to the next and is compiled one element at a time; call streaming_transform with that axis first"
                .formatted(node.place(), axis.getAsInt()));
      }
      checkProduct(node, model);
      if (node.context().fp8Weights() && hasWeights(node.op()) && !config.hasFeature("fp8")) {
        throw new UnsupportedModel(
            "%s: FP8 weights need a board that has them, and %s does not; use a V80 or leave Fp8Weights out"
                .formatted(node.place(), config.name()));
      }
    }
    boolean recurrent =
        nodes.stream().anyMatch(node -> node.op() instanceof LstmCell || node.op() instanceof Lstm);
    if (config.hasFeature("lstm_only") && !recurrent) {
      throw new UnsupportedModel(
          "model %s has no LSTM, and %s runs LSTM models only; use another config"
              .formatted(model.name(), config.name()));
    }
  }

  private static boolean allowsDynamicWeights(Model model) {
    return Boolean.TRUE.equals(model.options().allowDynamicWeights());
  }

  private static void checkProduct(Node node, Model model) {
    if (!(node.op() instanceof MatMul product) || product.constant() != MatMul.Side.NEITHER) {
      return;
    }
    if (node.context().fp8Weights()) {
      throw new UnsupportedModel(
          "%s: its weight is computed at run time, and only constant weights are stored as FP8; give a parameter, or move it out of Fp8Weights"
              .formatted(node.place()));
    }
    if (!allowsDynamicWeights(model)) {
      throw new UnsupportedModel(
          "%s: both sides are computed at run time (shapes %s and %s); compile with allow_dynamic_weights=True, or make one side a parameter"
              .formatted(
                  node.place(),
                  model.graph().node(node.inputs().get(0)).type().shape(),
                  model.graph().node(node.inputs().get(1)).type().shape()));
    }
  }

  private static boolean hasWeights(Op op) {
    return op instanceof Linear
        || op instanceof MatMul
        || op instanceof Conv1d
        || op instanceof Conv1dStep
        || op instanceof RecurrentLayer
        || op instanceof LstmCell
        || op instanceof GruCell;
  }

  /**
   * The tiles of all models, which share equal weights.
   *
   * @param packsWeights whether operators save weight blocks even where that costs cycles
   */
  private static List<TileGraph> lower(
      HardwareConfig config,
      List<Model> models,
      List<DataDimensions> layouts,
      boolean packsWeights) {
    Map<WeightMatrix, WeightMatrix> matrices = new HashMap<>();
    List<TileGraph> tiles = new ArrayList<>();
    for (int m = 0; m < models.size(); m++) {
      TileBuilder builder = new TileBuilder(config.blockSize(), matrices, packsWeights);
      tiles.add(lower(models.get(m), layouts.get(m), config, builder));
    }
    return tiles;
  }

  private static TileGraph lower(
      Model model, DataDimensions layout, HardwareConfig config, TileBuilder builder) {
    Graph graph = model.graph();
    List<TileTensor> lowered = new ArrayList<>();
    for (Node node : graph.nodes()) {
      List<Integer> cores = cores(node, model.options(), config);
      builder.startLayer(node.id(), cores);
      List<TileTensor> operands = new ArrayList<>();
      for (int i = 0; i < node.inputs().size(); i++) {
        int operand = node.inputs().get(i);
        int dim = layout.ofOperands().get(node.id()).get(i);
        TileTensor tensor = lowered.get(operand);
        operands.add(
            tensor.dataDim() == dim
                ? tensor
                : lowerNode(builder, graph.node(operand), List.of(), dim));
      }
      lowered.add(lowerNode(builder, node, operands, layout.ofNode().get(node.id())));
    }
    for (State state : graph.states()) {
      builder.addState(
          state.name(),
          state.type().format(),
          state.depth(),
          state.initial().values(),
          lowered.get(state.source()));
    }
    for (Graph.Output output : graph.outputs()) {
      builder.addOutput(lowered.get(output.node()), output.format());
    }
    return builder.build();
  }

  private static TileTensor lowerNode(
      TileBuilder builder, Node node, List<TileTensor> operands, int dataDim) {
    return node.op().lower(new LowerStep(builder, operands, node.type(), dataDim, node.context()));
  }

  /** The cores a node may use: those of its partition that the board has, within the model's. */
  private static List<Integer> cores(Node node, CompileOptions options, HardwareConfig config) {
    List<Integer> partition =
        node.context().cores().stream().filter(core -> core < config.numCores()).toList();
    if (options.coreIndices().isEmpty()) {
      return partition;
    }
    List<Integer> both =
        options.coreIndices().stream()
            .filter(core -> partition.isEmpty() || partition.contains(core))
            .toList();
    return both.isEmpty() ? options.coreIndices() : both;
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
