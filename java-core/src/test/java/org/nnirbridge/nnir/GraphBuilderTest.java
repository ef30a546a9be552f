package org.nnirbridge.nnir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.Constant;
import org.nnirbridge.nnir.op.CumSum;
import org.nnirbridge.nnir.op.Input;
import org.nnirbridge.nnir.op.LayerNorm;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.nnir.op.MatMul;
import org.nnirbridge.nnir.op.Op;
import org.nnirbridge.nnir.op.Pool1d;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.nnir.op.StateRead;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;

class GraphBuilderTest {
  private final GraphBuilder builder = new GraphBuilder();

  private int constant(List<Integer> shape, float... values) {
    return builder.constant("c", new Tensor(shape, values));
  }

  private float[] folded(Op op, Integer... operands) {
    int node = builder.add("folded", op, NodeContext.DEFAULT, List.of(operands));
    return ((Constant) builder.node(node).op()).tensor().values();
  }

  @Test
  void foldsProductsOfConstants() {
    int a = constant(List.of(2, 2), 1, 2, 3, 4);
    int b = constant(List.of(2, 2), 5, 6, 7, 8);
    assertArrayEquals(new float[] {19, 22, 43, 50}, folded(new MatMul(MatMul.Side.NEITHER), a, b));
    Tensor weight = new Tensor(List.of(1, 2), new float[] {10, 1});
    Tensor bias = new Tensor(List.of(1), new float[] {0.5f});
    assertArrayEquals(new float[] {12.5f, 34.5f}, folded(new Linear(weight, bias, true, 1), a));
    assertArrayEquals(new float[] {13.5f, 24.5f}, folded(new Linear(weight, bias, true, 0), a));
  }

  @Test
  void foldsNormalizationsAndSumsOfConstants() {
    int x = constant(List.of(2, 2), 3, 5, -1, 7);
    Op layerNorm = new LayerNorm(List.of(1), 0f, Optional.empty(), Optional.empty());
    assertArrayEquals(new float[] {-1, 1, -1, 1}, folded(layerNorm, x));
    Optional<Tensor> weight = Optional.of(new Tensor(List.of(2), new float[] {5, 10}));
    float[] scaled = folded(new RmsNorm(List.of(1), 0f, weight), x);
    assertEquals(-1f, scaled[2]);
    assertEquals(14f, scaled[3]);
    assertArrayEquals(new float[] {3, 5, 2, 12}, folded(new CumSum(0), x));
    assertArrayEquals(new float[] {3, 8, -1, 6}, folded(new CumSum(1), x));
    assertArrayEquals(new float[] {4, 3}, folded(new Pool1d(Pool1d.Pooling.AVG, 2, 1, 1), x));
    assertArrayEquals(new float[] {5, 7}, folded(new Pool1d(Pool1d.Pooling.MAX, 2, 1, 1), x));
  }

  @Test
  void dropsStatesThatNoOutputFollowsFrom() {
    TensorType type = new TensorType(List.of(4), NumberFormat.BF16);
    Input input = new Input(0, type, OptionalInt.empty());
    int x = builder.add("x", input, NodeContext.DEFAULT, List.of());
    int[] sums = new int[3];
    for (int i = 0; i < sums.length; i++) {
      int state = builder.declareState("s" + i, type, 1, Tensor.zeros(type.shape()));
      int read = builder.readState(state, 1, NodeContext.DEFAULT);
      Binary add = new Binary(BinaryFunction.ADD);
      sums[i] = builder.add("sum" + i, add, NodeContext.DEFAULT, List.of(read, x));
      builder.setSource(state, sums[Math.max(i - 1, 0)]);
    }
    Graph graph =
        builder.build(List.of(new Graph.Output(sums[1], NumberFormat.BF16, OptionalInt.empty())));
    assertEquals(List.of("s0", "s1"), graph.states().stream().map(State::name).toList());
    assertEquals(2, graph.nodes().stream().filter(n -> n.op() instanceof StateRead).count());
  }
}
