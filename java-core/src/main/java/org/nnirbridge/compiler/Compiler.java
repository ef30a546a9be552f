package org.nnirbridge.compiler;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.layout.DataDimensions;
import org.nnirbridge.layout.DynamicWeights;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.State;
import org.nnirbridge.nnir.op.Conv1d;
import org.nnirbridge.nnir.op.Conv1dStep;
import org.nnirbridge.nnir.op.GruCell;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.LowerStep;
import org.nnirbridge.nnir.op.Lstm;
import org.nnirbridge.nnir.op.LstmCell;
import org.nnirbridge.nnir.op.MatMul;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.RecurrentLayer;
import org.nnirbridge.program.Program;
import org.nnirbridge.tile.TileBuilder;
import org.nnirbridge.tile.TileGraph;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.WeightMatrix;
import org.nnirbridge.transform.FuseSums;

/** The line from graphs to a program. */
public final class Compiler {
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
    return new ProgramSearch(config, fused, layouts).find();
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
  static List<TileGraph> lower(
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
}
