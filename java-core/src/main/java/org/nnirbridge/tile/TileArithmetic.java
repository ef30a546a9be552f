package org.nnirbridge.tile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * Arithmetic on whole tensors, for operators of several steps: operands are taken as they are, each
 * result has the format that is asked for, and further operands repeat along axes of extent 1.
 */
public final class TileArithmetic {
  private final TileBuilder tiles;

  public TileArithmetic(TileBuilder tiles) {
    this.tiles = tiles;
  }

  public TileTensor map(UnaryFunction function, TileTensor a, NumberFormat format) {
    return a.map(tile -> tiles.unary(function, tile, format));
  }

  public TileTensor zip(BinaryFunction function, TileTensor a, TileTensor b, NumberFormat format) {
    return a.zip(spread(b, a), (x, y) -> tiles.zip(function, x, y, format));
  }

  /** {@code fma(a, b, sum)}. */
  public TileTensor multiplyAdd(TileTensor a, TileTensor b, TileTensor sum, NumberFormat format) {
    return a.zip(spread(b, a), spread(sum, a), (x, y, z) -> tiles.multiplyAdd(z, x, y, format));
  }

  private TileTensor spread(TileTensor tensor, TileTensor like) {
    return tensor.broadcastTo(like.shape(), tiles.blocks(like.lanes()));
  }

  /** A float32 constant that repeats along every axis of a tensor. */
  public TileTensor constant(float value, TileTensor like) {
    Vector vector = new Vector(List.of(tiles.uniform(value)), 1);
    return new TileTensor(
        Collections.nCopies(like.shape().size(), 1), like.dataDim(), List.of(vector));
  }

  /** The function of a tensor, which may repeat, and another one. */
  public TileTensor join(
      BinaryFunction function, TileTensor start, TileTensor term, NumberFormat format) {
    return zip(function, spread(start, term), term, format);
  }

  /** The function of a start and the tensors, one after another, on each value. */
  public TileTensor join(
      BinaryFunction function, float start, List<TileTensor> terms, NumberFormat format) {
    TileTensor result = spread(constant(start, terms.get(0)), terms.get(0));
    for (int i = 0; i < terms.size(); i++) {
      NumberFormat partial = i == terms.size() - 1 ? format : NumberFormat.FP32;
      result = zip(function, result, terms.get(i), partial);
    }
    return result;
  }

  /**
   * The function of a start and all values along axes, which keep extent 1: along the last axis
   * first, in ascending order, each partial result float32 (numerics.md §6).
   */
  public TileTensor reduce(
      BinaryFunction function, float start, TileTensor a, List<Integer> axes, NumberFormat format) {
    List<Integer> lastFirst = axes.stream().sorted(Comparator.reverseOrder()).toList();
    TileTensor result = a;
    for (int i = 0; i < lastFirst.size(); i++) {
      int axis = lastFirst.get(i);
      NumberFormat partial = i == lastFirst.size() - 1 ? format : NumberFormat.FP32;
      result =
          axis == a.dataDim()
              ? foldLanes(function, start, result, partial)
              : join(function, start, result.positions(axis), partial);
    }
    return result;
  }

  private TileTensor foldLanes(
      BinaryFunction function, float start, TileTensor a, NumberFormat format) {
    List<Vector> folded = new ArrayList<>();
    for (Vector vector : a.vectors()) {
      int value = tiles.uniform(start);
      int last = vector.tiles().size() - 1;
      for (int block = 0; block <= last; block++) {
        int lanes = tiles.lanesOf(block, vector.lanes());
        NumberFormat partial = block == last ? format : NumberFormat.FP32;
        value = tiles.fold(function, value, vector.tiles().get(block), lanes, partial);
      }
      folded.add(new Vector(List.of(value), 1));
    }
    return new TileTensor(a.withExtent(a.dataDim(), 1), a.dataDim(), folded);
  }
}
