package org.nnirbridge.frontend.fx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.GraphPrinter;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.numerics.NumberFormat;

class FxImporterTest {
  private static final String INPUT =
      "{'name': 'x', 'op': 'placeholder', 'shape': [1, 5, 64], 'dtype': 'float32'}";

  private static Graph read(String output, String... nodes) {
    String body = String.join(", ", nodes);
    String document =
        "{'version': 1, 'nodes': [%s, %s, {'name': 'output', 'op': 'output', 'args': [{'node': '%s'}]}], 'tensors': []}"
            .formatted(INPUT, body, output);
    return FxImporter.importGraph(
        document.replace('\'', '"'),
        List.of(Tensor.zeros(List.of(64, 64)), Tensor.zeros(List.of(64))),
        List.of(NumberFormat.BF16),
        List.of(NumberFormat.BF16));
  }

  private static String function(String name, String target, String shape, String args) {
    return "{'name': '%s', 'op': 'call_function', 'target': '%s', 'module': '', 'args': [{'node': 'x'}%s], 'kwargs': {}, 'shape': %s}"
        .formatted(name, target, args, shape);
  }

  @Test
  void printsANodeALine() {
    Graph graph =
        read(
            "relu",
            "{'name': 'linear', 'op': 'call_module', 'target': 'linear', 'type': 'torch.nn.Linear',"
                + " 'attrs': {'training': false}, 'params': {'weight': 0, 'bias': 1}, 'args':"
                + " [{'node': 'x'}], 'kwargs': {}, 'shape': [1, 5, 64]}",
            "{'name': 'relu', 'op': 'call_function', 'target': 'relu', 'module': '', 'args':"
                + " [{'node': 'linear'}], 'kwargs': {'inplace': false}, 'shape': [1, 5, 64]}");
    assertEquals(
        """
        Inputs:
          Id(0) - (x) Input(index: 0) - [1, 5, 64]
        Outputs:
          Id(2) - [1, 5, 64]
        Nodes:
          Id(1) - (linear) Linear(weight: (64, 64), weight_precision: Bf16, bias: 64, input: Id(0)) - [1, 5, 64]
          Id(2) - (relu) Clamp(min: 0, max: None, input: Id(1), activation_precision: Bf16) - [1, 5, 64]
        """,
        GraphPrinter.print(graph));
  }

  @Test
  void gathersAllUnsupportedOperations() {
    UnsupportedModel error =
        assertThrows(
            UnsupportedModel.class,
            () ->
                read(
                    "b",
                    function("a", "fft_fft", "[1, 5, 64]", ""),
                    "{'name': 'c', 'op': 'call_method', 'target': 'cumprod', 'args': [{'node':"
                        + " 'x'}, 0], 'kwargs': {}, 'shape': [1, 5, 64]}",
                    "{'name': 'd', 'op': 'call_module', 'target': 'd', 'type':"
                        + " 'torch.nn.Bilinear', 'args': [{'node': 'x'}], 'kwargs': {}, 'shape':"
                        + " [1]}",
                    function(
                        "b",
                        "fft_fft",
                        "[1, 5, 64]",
                        ", {'list': [{'node': 'a'}, {'node': 'c'}, {'node': 'd'}]}")));
    assertEquals(
        """
        Unsupported operations encountered translating to Vollo NNIR:
          unsupported function 'fft_fft': found 2
          unsupported method 'cumprod': found 1
          unsupported module 'Bilinear': found 1""",
        error.getMessage());
  }

  @Test
  void readsIndicesOfAllKinds() {
    Graph graph =
        read(
            "part",
            function(
                "part",
                "getitem",
                "[2, 1, 62]",
                ", {'tuple': [0, {'slice': [1, 4, 2]}, null, {'slice': [2, null, null]}]}"));
    assertEquals(List.of(2, 1, 62), graph.node(graph.outputs().get(0).node()).type().shape());
  }

  @Test
  void aShapeThatDiffersFromPyTorchsIsRefused() {
    UnsupportedModel error =
        assertThrows(
            UnsupportedModel.class, () -> read("a", function("a", "relu", "[1, 5, 63]", "")));
    assertEquals(
        "a (relu): its shape is [1, 5, 63] in PyTorch, but [1, 5, 64] here", error.getMessage());
  }

  @Test
  void unusedResultsCostNothing() {
    Graph graph =
        read(
            "a",
            function("a", "relu", "[1, 5, 64]", ""),
            function("unused", "tanh", "[1, 5, 64]", ""));
    assertEquals(2, graph.nodes().size());
  }

  @Test
  void unsupportedOperationsThatNothingFollowsFromCostNothing() {
    Graph graph =
        read(
            "a",
            function("a", "relu", "[1, 5, 64]", ""),
            function("b", "fft_fft", "[1, 5, 64]", ""),
            function("c", "sort", "[1, 5, 64]", ", {'node': 'b'}"));
    assertEquals(2, graph.nodes().size());
  }

  @Test
  void whatChangesItsOperandCountsWhoeverReadsItsResult() {
    UnsupportedModel error =
        assertThrows(
            UnsupportedModel.class,
            () ->
                read(
                    "a",
                    function("a", "relu", "[1, 5, 64]", ""),
                    "{'name': 'b', 'op': 'call_method', 'target': 'floor_', 'args': [{'node':"
                        + " 'a'}], 'kwargs': {}, 'shape': [1, 5, 64]}"));
    assertEquals(
        """
        Unsupported operations encountered translating to Vollo NNIR:
          unsupported method 'floor_': found 1""",
        error.getMessage());
  }

  @Test
  void aDocumentThatIsNoJsonIsRefused() {
    assertThrows(
        InvalidArgument.class,
        () ->
            FxImporter.importGraph(
                "{", List.of(), List.of(NumberFormat.BF16), List.of(NumberFormat.BF16)));
  }
}
