package org.nnirbridge.tile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.nnirbridge.numerics.NumberFormat;

/**
 * Products on the vector unit, whose weights are values of the run or do not lie along the data
 * dimension: a chain of multiply-adds for each vector of the result, in the order of numerics.md
 * §2.
 */
public final class TileProducts {
  private final TileBuilder tiles;

  public TileProducts(TileBuilder tiles) {
    this.tiles = tiles;
  }

  /**
   * {@code sum of factors[i] * vectors[i]} from +0 in ascending order, rounded to a format at the
   * end.
   *
   * @param factors a vector with as many lanes as there are vectors
   */
  public Vector combine(Vector factors, List<Vector> vectors, NumberFormat format) {
    Vector narrow = tiles.convert(factors, NumberFormat.BF16);
    return chain(0f, i -> factor(narrow, i), vectors, format);
  }

  /** {@code start + sum of weights[i] * vectors[i]} in the same way. */
  public Vector combine(float start, float[] weights, List<Vector> vectors, NumberFormat format) {
    return chain(start, i -> tiles.uniform(weights[i], NumberFormat.BF16), vectors, format);
  }

  private Vector chain(
      float start, IntUnaryOperator factor, List<Vector> vectors, NumberFormat format) {
    int lanes = vectors.get(0).lanes();
    Vector sum = new Vector(Collections.nCopies(tiles.blocks(lanes), tiles.uniform(start)), lanes);
    for (int i = 0; i < vectors.size(); i++) {
      Vector vector = tiles.convert(vectors.get(i), NumberFormat.BF16);
      NumberFormat partial = i == vectors.size() - 1 ? format : NumberFormat.FP32;
      sum = tiles.multiplyAdd(sum, vector, factor.applyAsInt(i), partial);
    }
    return sum;
  }

  /** One lane of a vector on all lanes of a tile. */
  private int factor(Vector vector, int lane) {
    int size = tiles.lanesOf(0, Integer.MAX_VALUE);
    int tile = vector.tiles().get(lane / size);
    return tiles
        .fixedValues(tile)
        .map(values -> tiles.uniform(values[lane % size], NumberFormat.BF16))
        .orElseGet(() -> tiles.isUniform(tile) ? tile : tiles.spread(tile, lane % size));
  }

  /**
   * A constant matrix times an axis that is not the data dimension.
   *
   * @param weights of shape [rows, columns] in row-major order
   * @param bias a start for each row
   * @param axis the axis that is contracted and replaced by the rows
   */
  public TileTensor rows(
      TileTensor input,
      List<Integer> shape,
      int axis,
      float[] weights,
      float[] bias,
      NumberFormat format) {
    int columns = input.shape().get(axis);
    int inner = input.vectorStride(axis);
    int outer = input.vectors().size() / columns / inner;
    List<Vector> result = new ArrayList<>();
    for (int o = 0; o < outer; o++) {
      for (int row = 0; row < bias.length; row++) {
        float[] factors = new float[columns];
        System.arraycopy(weights, row * columns, factors, 0, columns);
        for (int i = 0; i < inner; i++) {
          List<Vector> vectors = every(input, o * columns * inner + i, inner, columns);
          result.add(combine(bias[row], factors, vectors, format));
        }
      }
    }
    return new TileTensor(shape, input.dataDim(), result);
  }

  private static List<Vector> every(TileTensor input, int first, int stride, int count) {
    List<Vector> vectors = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      vectors.add(input.vectors().get(first + i * stride));
    }
    return vectors;
  }

  /** The values of a tensor of constants in row-major order. */
  public float[] constants(TileTensor tensor) {
    int size = tiles.lanesOf(0, Integer.MAX_VALUE);
    float[] values = new float[tensor.vectors().size() * tensor.lanes()];
    for (int i = 0; i < values.length; i++) {
      TileTensor.Position at = tensor.position(i);
      int tile = tensor.vectors().get(at.vector()).tiles().get(at.lane() / size);
      values[i] = tiles.fixedValues(tile).orElseThrow()[at.lane() % size];
    }
    return values;
  }
}
