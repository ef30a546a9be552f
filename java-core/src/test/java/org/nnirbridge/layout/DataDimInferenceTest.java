package org.nnirbridge.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.Reshape;
import org.nnirbridge.nnir.op.Transpose;
import org.nnirbridge.numerics.BinaryFunction;

class DataDimInferenceTest {
  private static int inputDim(Graph graph) {
    return DynamicWeights.infer(graph, false).ofNode().get(0);
  }

  @Test
  void aLinearLayerFixesItsInput() {
    Models models = new Models(1);
    assertEquals(1, inputDim(models.build(models.linear(models.input(3, 8), 4))));
  }

  @Test
  void theDataDimensionMovesBackThroughATranspose() {
    Models models = new Models(1);
    int turned = models.add("t", new Transpose(List.of(1, 0)), models.input(8, 3));
    assertEquals(0, inputDim(models.build(models.linear(turned, 4))));
  }

  @Test
  void aFreeGraphTakesTheLastAxisWithMoreThanOneValue() {
    Models models = new Models(1);
    assertEquals(1, inputDim(models.build(models.relu(models.input(2, 5, 1)))));
  }

  @Test
  void aLaterOperatorDecidesAnEarlierOne() {
    Models models = new Models(1);
    int x = models.input(6, 4);
    int sum = models.add("add", new Binary(BinaryFunction.ADD), x, x);
    int turned = models.add("t", new Transpose(List.of(1, 0)), sum);
    assertEquals(0, inputDim(models.build(models.linear(turned, 4))));
  }

  @Test
  void mergingTheDataDimensionToTheRightIsRefused() {
    Models models = new Models(1);
    int hidden = models.linear(models.input(2, 6), 4);
    int turned = models.add("t", new Transpose(List.of(1, 0)), hidden);
    int merged = models.add("merge", new Reshape(List.of(8)), turned);
    Graph graph =
        models.build(
            models.add("fc2", new Linear(models.tensor(3, 8), models.tensor(3), true, 0), merged));
    UnsupportedModel error =
        assertThrows(UnsupportedModel.class, () -> DynamicWeights.infer(graph, false));
    assertEquals(
        "merge (Reshape): no data dimension fits [4! 2] -> [8]; rule: the stride of the data"
            + " dimension stays: [a (n*b)! c] -> [a n b! c], but not [a b! c] -> [a (b*c)!];"
            + " transpose the operand so that its data dimension (!) lies where the rule wants it",
        error.getMessage());
  }

  @Test
  void partsThatDecideNothingAboutEachOtherAreSolvedApart() {
    Models models = new Models(1);
    int[] outputs = new int[41];
    for (int i = 0; i < 40; i++) {
      outputs[i] = models.relu(models.input(3, 4));
    }
    int square = models.input(3, 3);
    int turned = models.add("t", new Transpose(List.of(1, 0)), square);
    outputs[40] = models.add("add", new Binary(BinaryFunction.ADD), square, turned);
    Graph graph = models.build(outputs);
    UnsupportedModel error =
        assertThrows(UnsupportedModel.class, () -> DynamicWeights.infer(graph, false));
    assertEquals(
        "add (Add): no data dimension fits [3! 3], [3 3!] -> [3 3]; rule: shapes and data"
            + " dimensions agree: [a b! c] -> [a b! c]; transpose the operand so that its data"
            + " dimension (!) lies where the rule wants it",
        error.getMessage());
  }

  /** Two layers whose inputs lie along each other's other axis: only one can keep its rule. */
  private static Graph crossed() {
    Models models = new Models(1);
    int x = models.input(4, 5);
    int rows = models.add("rows", new Linear(models.tensor(3, 4), models.tensor(3), true, 0), x);
    int columns =
        models.add("columns", new Linear(models.tensor(6, 5), models.tensor(6), true, 1), rows);
    return models.build(columns);
  }

  @Test
  void productsOverAnotherAxisNeedTheOption() {
    UnsupportedModel error =
        assertThrows(UnsupportedModel.class, () -> DynamicWeights.infer(crossed(), false));
    assertEquals(
        "columns (Linear): no data dimension fits [3! 5] -> [3 6]; rule: the input is contracted"
            + " over its data dimension: [* j!] -> [* i!]; transpose the operand so that its data"
            + " dimension (!) lies where the rule wants it, or compile with"
            + " allow_dynamic_weights=True, which also contracts over another axis",
        error.getMessage());
  }

  @Test
  void onlyTheProductsThatNeedItLeaveTheirRule() {
    assertEquals(List.of(0, 0, 0), DynamicWeights.infer(crossed(), true).ofNode());
  }
}
