package org.nnirbridge.nnir.op;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.nnir.NodeContext;
import org.nnirbridge.nnir.Shapes;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.TensorType;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.tile.TileProducts;
import org.nnirbridge.tile.TileTensor;
import org.nnirbridge.tile.Vector;
import org.nnirbridge.tile.WeightMatrix;

/**
 * {@code [* i j] @ [* j k] -> [* i k]} of two tensors whose leading axes are the same.
 *
 * @param constant which side is a constant; at most one, since others are folded
 */
public record MatMul(Side constant) implements Op {
  /** A side of the product. */
  public enum Side {
    NEITHER,
    LEFT,
    RIGHT
  }

  @Override
  public TensorType inferType(List<TensorType> inputs, NodeContext context) {
    List<Integer> a = inputs.get(0).shape();
    List<Integer> b = inputs.get(1).shape();
    int rank = a.size();
    boolean fits =
        rank >= 2
            && b.size() == rank
            && a.subList(0, rank - 2).equals(b.subList(0, rank - 2))
            && a.get(rank - 1).equals(b.get(rank - 2));
    if (!fits) {
      throw new UnsupportedModel("shapes " + a + " and " + b + " cannot be multiplied");
    }
    return new TensorType(Shapes.with(a, rank - 1, b.get(rank - 1)), NumberFormat.BF16);
  }

  @Override
  public DataDims dataDims(List<TensorType> inputs, TensorType result) {
    int last = result.rank() - 1;
    int row = last - 1;
    int[] keepsLast = {last, last, last};
    int[] keepsRow = {row, row, row};
    return switch (constant) {
      case NEITHER ->
          new DataDims(
              List.of(),
              List.of(keepsLast, keepsRow),
              "it is contracted over the data dimension of exactly one side, and the other's is the"
                  + " result's: [* i j!] @ [* j k!] -> [* i k!], [* i! j] @ [* j! k] -> [* i! k]",
              "multiply and sum, as (a * b).sum(-1, keepdim=True) does");
      case LEFT ->
          new DataDims(
              List.of(new int[] {last, row, row}),
              List.of(keepsLast),
              "the run-time side is contracted over its data dimension: [* i j] @ [* j! k] ->"
                  + " [* i! k]");
      case RIGHT ->
          new DataDims(
              List.of(new int[] {last, row, last}),
              List.of(keepsRow),
              "the run-time side is contracted over its data dimension: [* i j!] @ [* j k] ->"
                  + " [* i k!]");
    };
  }

  @Override
  public StreamedNode stream(StreamStep step) {
    int last = step.inputType(0).rank() - 1;
    int row = last - 1;
    int left = step.timeAxis(0);
    int right = step.timeAxis(1);
    if (left == last || right == row) {
      throw step.refuseAlongTime("it contracts its operands", Math.max(left, right));
    }
    boolean oneFree = left == StreamStep.NO_TIME || right == StreamStep.NO_TIME;
    if (oneFree && left == row) {
      return freeAxis(step, 0, row);
    }
    if (oneFree && right == last) {
      return freeAxis(step, 1, last);
    }
    if (left == row || right == last) {
      throw step.refuse(
          "its operands have their time on different axes ("
              + left
              + " and "
              + right
              + "), so that each result needs two time steps; keep what it looks back on as the"
              + " state of a Scan");
    }
    return step.applyElementwise(this);
  }

  /** Time is the rows of the left side, or the columns of the right one: a step has one of them. */
  private StreamedNode freeAxis(StreamStep step, int side, int axis) {
    int node = step.inputs().get(side).node();
    List<Integer> shape = step.inputType(side).shape();
    List<Integer> operands =
        new ArrayList<>(step.inputs().stream().map(StreamedNode::node).toList());
    operands.set(side, step.add(new Reshape(Shapes.with(shape, axis, 1)), List.of(node)));
    int product = step.add(this, operands);
    List<Integer> result = step.builder().type(product).shape();
    Reshape without = new Reshape(Shapes.without(result, axis));
    return new StreamedNode(step.add(without, List.of(product)), axis);
  }

  @Override
  public TileTensor lower(LowerStep step) {
    TileTensor a = step.input(0);
    TileTensor b = step.input(1);
    int last = a.shape().size() - 1;
    List<Vector> vectors =
        switch (constant) {
          case LEFT ->
              b.dataDim() == last ? combined(step, stored(step, a), b) : multiplied(step, a, b);
          case RIGHT ->
              a.dataDim() == last ? multiplied(step, b, a) : combined(step, stored(step, b), a);
          case NEITHER -> b.dataDim() == last ? combined(step, a, b) : combined(step, b, a);
        };
    return new TileTensor(step.type().shape(), step.dataDim(), vectors);
  }

  private static TileTensor stored(LowerStep step, TileTensor constants) {
    float[] values = step.storedWeights(step.products().constants(constants));
    return step.tiles().constant(constants.shape(), values, constants.dataDim(), NumberFormat.BF16);
  }

  /** Each vector of {@code factors}, lane by lane, times the vectors of the other side. */
  private static List<Vector> combined(LowerStep step, TileTensor factors, TileTensor side) {
    TileProducts products = step.products();
    int depth = factors.lanes();
    int batches = side.vectors().size() / depth;
    int rows = factors.vectors().size() / batches;
    List<Vector> result = new ArrayList<>();
    for (int i = 0; i < factors.vectors().size(); i++) {
      int first = i / rows * depth;
      List<Vector> terms = side.vectors().subList(first, first + depth);
      result.add(products.combine(factors.vectors().get(i), terms, step.type().format()));
    }
    return result;
  }

  /** Constant matrices, one for each position on the leading axes, times the other side. */
  private List<Vector> multiplied(LowerStep step, TileTensor matrices, TileTensor side) {
    int rank = matrices.shape().size();
    int outer = matrices.shape().get(constant == Side.LEFT ? rank - 2 : rank - 1);
    int depth = side.lanes();
    float[] values = step.products().constants(matrices);
    int batches = values.length / outer / depth;
    int columns = side.vectors().size() / batches;
    float[] zeros = new float[outer];
    List<Vector> result = new ArrayList<>();
    for (int batch = 0; batch < batches; batch++) {
      int start = batch * outer * depth;
      float[] block = Arrays.copyOfRange(values, start, start + outer * depth);
      float[] rows = constant == Side.LEFT ? block : Tensor.transposed(block, depth, outer);
      WeightMatrix matrix = step.tiles().weights(rows, outer, depth, step.context().fp8Weights());
      for (Vector vector : side.vectors().subList(batch * columns, (batch + 1) * columns)) {
        result.add(
            step.tiles().linear(List.of(matrix), List.of(vector), zeros, step.type().format()));
      }
    }
    return result;
  }

  @Override
  public Optional<Tensor> fold(List<Tensor> inputs) {
    List<Integer> shape = inputs.get(0).shape();
    int rank = shape.size();
    int rows = shape.get(rank - 2);
    int depth = shape.get(rank - 1);
    int columns = inputs.get(1).shape().get(rank - 1);
    float[] a = inputs.get(0).values();
    float[] b = inputs.get(1).values();
    float[] result = new float[a.length / depth * columns];
    for (int i = 0; i < result.length; i++) {
      int left = i / columns * depth;
      int right = i / columns / rows * depth * columns + i % columns;
      for (int k = 0; k < depth; k++) {
        result[i] = Math.fma(a[left + k], b[right + k * columns], result[i]);
      }
    }
    return Optional.of(new Tensor(Shapes.with(shape, rank - 1, columns), result));
  }

  @Override
  public List<String> attributes(NodeContext context) {
    return constant == Side.NEITHER ? List.of() : List.of(Print.weightPrecision(context));
  }
}
