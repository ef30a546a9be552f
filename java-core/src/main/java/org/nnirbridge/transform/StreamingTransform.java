package org.nnirbridge.transform;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphBuilder;
import org.nnirbridge.nnir.Node;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.State;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.nnir.op.ExcerptStep;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.StreamStep;
import org.nnirbridge.nnir.op.StreamedNode;

/**
 * Turns a graph over whole sequences into one over single time steps, with state inside.
 *
 * <p>Step i of the result gives slice i of the whole-sequence result. States of a graph over whole
 * sequences are those of its scans, which live from one time step to the next.
 */
public final class StreamingTransform {
  private StreamingTransform() {}

  /**
   * Streams a graph.
   *
   * @param whole the graph over whole sequences
   * @param axes the time axis of each input; negative axes count from the end
   * @throws InvalidArgument when there are too many or too few axes, or an input lacks its axis
   * @throws UnsupportedModel naming the node that needs more than one time step
   */
  public static StreamedGraph apply(Graph whole, List<Integer> axes) {
    Graph graph = FuseSums.run(whole);
    List<Node> inputs = graph.inputs();
    if (axes.size() != inputs.size()) {
      throw new InvalidArgument(
          "streaming_transform: the model has "
              + Shapes.counted(inputs.size(), "input")
              + ", and the streaming axes are "
              + axes
              + "; give one for each input");
    }
    checkSequenceLengths(inputs, axes);
    refuseStreamed(graph);
    GraphBuilder builder = new GraphBuilder();
    for (State state : graph.states()) {
      builder.declareState(state.name(), state.type(), state.depth(), state.initial());
    }
    StreamedNode[] streamed = new StreamedNode[graph.nodes().size()];
    for (Node node : graph.nodes()) {
      streamed[node.id()] =
          node.op() instanceof Input input
              ? streamInput(builder, node, input, axisOf(node, axes.get(input.index())))
              : ExcerptStep.stream(step(builder, graph, node, streamed));
    }
    for (int state = 0; state < graph.states().size(); state++) {
      builder.setSource(state, streamed[graph.states().get(state).source()].node());
    }
    return outputs(graph, builder, streamed);
  }

  private static void refuseStreamed(Graph graph) {
    boolean streams =
        graph.inputs().stream().anyMatch(node -> ((Input) node.op()).streamingDim().isPresent());
    if (streams && !graph.states().isEmpty()) {
      throw new UnsupportedModel(
          "streaming_transform: the model already keeps state ("
              + graph.states().get(0).name()
              + "); transform it once, over all its streaming axes");
    }
  }

  private static StreamStep step(
      GraphBuilder builder, Graph graph, Node node, StreamedNode[] streamed) {
    List<TensorType> types = node.inputs().stream().map(input -> graph.node(input).type()).toList();
    List<StreamedNode> inputs = node.inputs().stream().map(input -> streamed[input]).toList();
    return new StreamStep(builder, node, types, inputs);
  }

  private static StreamedNode streamInput(GraphBuilder builder, Node node, Input input, int axis) {
    TensorType type = input.type().withShape(Shapes.without(input.type().shape(), axis));
    Input oneStep = new Input(input.index(), type, OptionalInt.of(axis));
    return new StreamedNode(builder.add(node.name(), oneStep, node.context(), List.of()), axis);
  }

  private static StreamedGraph outputs(Graph graph, GraphBuilder builder, StreamedNode[] streamed) {
    List<Graph.Output> outputs = new ArrayList<>();
    List<Integer> outputAxes = new ArrayList<>();
    for (Graph.Output output : graph.outputs()) {
      StreamedNode node = streamed[output.node()];
      if (node.timeAxis() == StreamStep.NO_TIME) {
        throw new UnsupportedModel(
            "streaming_transform: the output "
                + graph.node(output.node()).place()
                + " does not depend on any streamed input; leave it out");
      }
      if (node.excerpt().isPresent()) {
        throw new UnsupportedModel(
            "streaming_transform: the output %s holds %d of %d time steps; return as many as go in"
                .formatted(
                    graph.node(output.node()).place(),
                    node.excerpt().get().length(),
                    node.excerpt().get().steps()));
      }
      outputs.add(new Graph.Output(node.node(), output.format(), OptionalInt.of(node.timeAxis())));
      outputAxes.add(node.timeAxis());
    }
    return new StreamedGraph(builder.build(outputs), outputAxes);
  }

  private static int axisOf(Node input, int axis) {
    int rank = input.type().rank();
    if (rank == 0) {
      throw new InvalidArgument(
          "streaming_transform: input "
              + input.name()
              + " is a single value and has no axis; give it a time axis to stream over");
    }
    if (axis < -rank || axis >= rank) {
      throw new InvalidArgument(
          "streaming_transform: input "
              + input.name()
              + " has shape "
              + input.type().shape()
              + " and no axis "
              + axis
              + "; give one from 0 to "
              + (rank - 1));
    }
    return axis < 0 ? axis + rank : axis;
  }

  private static void checkSequenceLengths(List<Node> inputs, List<Integer> axes) {
    int[] lengths = new int[inputs.size()];
    for (int i = 0; i < lengths.length; i++) {
      Node input = inputs.get(i);
      lengths[i] = input.type().shape().get(axisOf(input, axes.get(i)));
    }
    if (Arrays.stream(lengths).distinct().count() > 1) {
      throw new InvalidArgument(
          "streaming_transform: the streaming axes "
              + axes
              + " have different lengths "
              + Arrays.toString(lengths)
              + "; every input must hold the same number of time steps");
    }
  }
}
