package org.nnirbridge.transform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphPrinter;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Concat;
import org.nnirbridge.nnir.op.Reshape;
import org.nnirbridge.nnir.op.Slice;
import org.nnirbridge.nnir.op.Transpose;
import org.nnirbridge.numerics.BinaryFunction;

class StreamingTransformTest {
  private static String refusal(Graph graph, int axis) {
    return assertThrows(
            UnsupportedModel.class, () -> StreamingTransform.apply(graph, List.of(axis)))
        .getMessage();
  }

  @Test
  void aConvolutionBecomesTapsOfAWindow() {
    Models models = new Models(1);
    Graph graph = models.build(models.paddedConv(models.input(4, 9), 4, 3, 2, false));
    assertEquals(
        """
        Inputs:
          Id(0) - (x0) Input(index: 0, streaming_dim: 1) - [4]
        Outputs:
          Id(3) - [4]
        States:
          State(0) - (conv_window) depth: 4, source: Id(0) - [4]
        Nodes:
          Id(1) - (conv_window_4) StateRead(state: 0, age: 4) - [4]
          Id(2) - (conv_window_2) StateRead(state: 0, age: 2) - [4]
          Id(3) - (conv) Conv1dStep(weight: (4, 4, 3), weight_precision: Bf16, bias: 4, groups: 1, inputs: [Id(1), Id(2), Id(0)]) - [4]
        """,
        GraphPrinter.print(StreamingTransform.apply(graph, List.of(-1)).graph()));
  }

  @Test
  void theTimeAxisMovesWithATranspose() {
    Models models = new Models(1);
    int turned = models.add("t", new Transpose(List.of(2, 0, 1)), models.input(1, 4, 9));
    StreamedGraph streamed = StreamingTransform.apply(models.build(turned), List.of(2));
    assertEquals(List.of(0), streamed.outputAxes());
  }

  @Test
  void theOriginalStays() {
    Graph graph = Models.mlp();
    String before = GraphPrinter.print(graph);
    assertThrows(UnsupportedModel.class, () -> StreamingTransform.apply(graph, List.of(0)));
    assertEquals(before, GraphPrinter.print(graph));
  }

  @Test
  void operandsWithTimeOnDifferentAxesAreRefused() {
    Models models = new Models(1);
    int x = models.input(6, 6);
    int turned = models.add("t", new Transpose(List.of(1, 0)), x);
    Graph graph = models.build(models.add("add", new Binary(BinaryFunction.ADD), x, turned));
    assertEquals(
        "streaming_transform: add (Add): its operands have their time on different axes (0 and 1);"
            + " transpose one of them so that the streaming axes agree",
        refusal(graph, 0));
  }

  @Test
  void aConstantThatVariesAlongTimeIsRefused() {
    Models models = new Models(1);
    int position = models.builder().constant("position", models.tensor(6, 3));
    Graph graph =
        models.build(
            models.add("add", new Binary(BinaryFunction.ADD), models.input(6, 3), position));
    assertEquals(
        "streaming_transform: add (Add): the constant position of shape [6, 3] varies along the time axis 0; a"
            + " streaming model sees one time step, so use a constant with extent 1 there",
        refusal(graph, 0));
  }

  @Test
  void workAcrossTimeIsRefusedByName() {
    Models models = new Models(1);
    int x = models.input(6, 4);
    assertEquals(
        "streaming_transform: fc (Linear): it contracts its input along the streaming axis 1 of"
            + " [6, 4], and a streaming model sees one time step at a time; stream over another"
            + " axis",
        refusal(models.build(models.linear(x, 3)), 1));
    assertEquals(
        "streaming_transform: cut (Slice): it looks ahead along the streaming axis 0: step i of its"
            + " result is step i + 1 of what it slices; only shifts to later steps can stream, as"
            + " torch.cat([zeros, x[:-1]]) is one",
        refusal(models.build(models.add("cut", new Slice(0, 1, 1, 5), x)), 0));
    assertEquals(
        "streaming_transform: cat (Concat): it joins two sequences along the streaming axis 0;"
            + " only one constant in front of one sequence can stream, as in torch.cat([zeros,"
            + " x[:-1]])",
        refusal(models.build(models.add("cat", new Concat(0), x, x)), 0));
    assertEquals(
        "streaming_transform: flat (Reshape): reshaping [6, 4] to [24] mixes the streaming axis 0"
            + " with others; keep it as an axis of its own",
        refusal(models.build(models.add("flat", new Reshape(List.of(24)), x)), 0));
  }

  @Test
  void aShiftToLaterStepsBecomesADelay() {
    Models models = new Models(1);
    int zeros = models.builder().constant("zeros", Tensor.zeros(List.of(2, 4)));
    int earlier = models.add("earlier", new Slice(0, 0, 1, 4), models.input(6, 4));
    Graph graph = models.build(models.add("cat", new Concat(0), zeros, earlier));
    assertEquals(
        """
        Inputs:
          Id(0) - (x0) Input(index: 0, streaming_dim: 0) - [4]
        Outputs:
          Id(1) - [4]
        States:
          State(0) - (cat_delay) depth: 2, source: Id(0) - [4]
        Nodes:
          Id(1) - (cat_delay_2) StateRead(state: 0, age: 2) - [4]
        """,
        GraphPrinter.print(StreamingTransform.apply(graph, List.of(0)).graph()));
  }

  @Test
  void wrongAxesAreRefused() {
    Models models = new Models(1);
    Graph graph = models.build(models.relu(models.input(6, 4)));
    assertEquals(
        "streaming_transform: input x0 has shape [6, 4] and no axis 2; give one from 0 to 1",
        assertThrows(InvalidArgument.class, () -> StreamingTransform.apply(graph, List.of(2)))
            .getMessage());
    assertEquals(
        "streaming_transform: the model has 1 input, and the streaming axes are [0, 0]; give one"
            + " for each input",
        assertThrows(InvalidArgument.class, () -> StreamingTransform.apply(graph, List.of(0, 0)))
            .getMessage());
  }

  @Test
  void anInputWithoutAxesIsRefused() {
    Models models = new Models(1);
    Graph graph = models.build(models.relu(models.input()));
    assertEquals(
        "streaming_transform: input x0 is a single value and has no axis; give it a time axis to"
            + " stream over",
        assertThrows(InvalidArgument.class, () -> StreamingTransform.apply(graph, List.of(0)))
            .getMessage());
  }
}
