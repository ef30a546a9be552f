package org.nnirbridge.tile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntBinaryOperator;
import java.util.function.IntUnaryOperator;
import org.nnirbridge.diagnostic.CompilerBug;

/**
 * A tensor as vectors along its data dimension.
 *
 * @param dataDim the axis that lies along the vectors; -1 for rank 0
 * @param vectors one for each position on the other axes, in row-major order
 */
public record TileTensor(List<Integer> shape, int dataDim, List<Vector> vectors) {
  public TileTensor {
    shape = List.copyOf(shape);
    vectors = List.copyOf(vectors);
    int outer = 1;
    for (int axis = 0; axis < shape.size(); axis++) {
      outer *= axis == dataDim ? 1 : shape.get(axis);
    }
    if (outer != vectors.size()) {
      throw new CompilerBug(
          "shape " + shape + " along axis " + dataDim + " has " + vectors.size() + " vectors");
    }
  }

  /** The number of values in each vector. */
  public int lanes() {
    return dataDim < 0 ? 1 : shape.get(dataDim);
  }

  /** The tensor of {@code function} of each tile. */
  public TileTensor map(IntUnaryOperator function) {
    List<Vector> mapped = new ArrayList<>();
    for (Vector vector : vectors) {
      mapped.add(
          new Vector(vector.tiles().stream().map(function::applyAsInt).toList(), vector.lanes()));
    }
    return new TileTensor(shape, dataDim, mapped);
  }

  /** The tensor of {@code function} of the tiles of two tensors of one shape and layout. */
  public TileTensor zip(TileTensor other, IntBinaryOperator function) {
    List<Vector> zipped = new ArrayList<>();
    for (int v = 0; v < vectors.size(); v++) {
      List<Integer> tiles = new ArrayList<>();
      for (int t = 0; t < vectors.get(v).tiles().size(); t++) {
        tiles.add(
            function.applyAsInt(
                vectors.get(v).tiles().get(t), other.vectors.get(v).tiles().get(t)));
      }
      zipped.add(new Vector(tiles, lanes()));
    }
    return new TileTensor(shape, dataDim, zipped);
  }

  /** Joins a tile of each of three tensors. */
  @FunctionalInterface
  public interface TernaryFunction {
    int apply(int a, int b, int c);
  }

  /** The tensor of {@code function} of the tiles of three tensors of one shape and layout. */
  public TileTensor zip(TileTensor second, TileTensor third, TernaryFunction function) {
    List<Vector> zipped = new ArrayList<>();
    for (int v = 0; v < vectors.size(); v++) {
      List<Integer> tiles = new ArrayList<>();
      for (int t = 0; t < vectors.get(v).tiles().size(); t++) {
        tiles.add(
            function.apply(
                vectors.get(v).tiles().get(t),
                second.vectors.get(v).tiles().get(t),
                third.vectors.get(v).tiles().get(t)));
      }
      zipped.add(new Vector(tiles, lanes()));
    }
    return new TileTensor(shape, dataDim, zipped);
  }

  /** For each position on an axis other than the data dimension, what lies there, in extent 1. */
  List<TileTensor> positions(int axis) {
    int stride = vectorStride(axis);
    int extent = shape.get(axis);
    List<TileTensor> positions = new ArrayList<>();
    for (int i = 0; i < extent; i++) {
      List<Vector> chosen = new ArrayList<>();
      for (int v = i * stride; v < vectors.size(); v += extent * stride) {
        chosen.addAll(vectors.subList(v, v + stride));
      }
      positions.add(new TileTensor(withExtent(axis, 1), dataDim, chosen));
    }
    return positions;
  }

  /** How many vectors lie between two positions next to each other on an axis. */
  int vectorStride(int axis) {
    int stride = 1;
    for (int inner = axis + 1; inner < shape.size(); inner++) {
      stride *= inner == dataDim ? 1 : shape.get(inner);
    }
    return stride;
  }

  /**
   * The tensor repeated along axes of extent 1, without work; along the data dimension its tiles
   * must hold one value on all lanes.
   *
   * @param blocks the tiles of a vector of the new shape
   */
  TileTensor broadcastTo(List<Integer> newShape, int blocks) {
    TileTensor result = this;
    for (int axis = 0; axis < shape.size(); axis++) {
      if (!shape.get(axis).equals(newShape.get(axis))) {
        result = result.repeat(axis, newShape.get(axis), blocks);
      }
    }
    return result;
  }

  private TileTensor repeat(int axis, int extent, int blocks) {
    List<Vector> repeated = new ArrayList<>();
    int stride = axis == dataDim ? 1 : vectorStride(axis);
    for (int v = 0; v < vectors.size(); v += stride) {
      List<Vector> group = vectors.subList(v, v + stride);
      if (axis == dataDim) {
        int tile = group.get(0).tiles().get(0);
        repeated.add(new Vector(Collections.nCopies(blocks, tile), extent));
      } else {
        Collections.nCopies(extent, group).forEach(repeated::addAll);
      }
    }
    return new TileTensor(withExtent(axis, extent), dataDim, repeated);
  }

  /** The shape with another extent on an axis. */
  List<Integer> withExtent(int axis, int extent) {
    List<Integer> changed = new ArrayList<>(shape);
    changed.set(axis, extent);
    return changed;
  }

  /** The place of a value: which vector and which of its lanes. */
  public Position position(int flatIndex) {
    int rest = flatIndex;
    int vector = 0;
    int lane = 0;
    int weight = 1;
    for (int axis = shape.size() - 1; axis >= 0; axis--) {
      int coordinate = rest % shape.get(axis);
      rest /= shape.get(axis);
      if (axis == dataDim) {
        lane = coordinate;
      } else {
        vector += coordinate * weight;
        weight *= shape.get(axis);
      }
    }
    return new Position(vector, lane);
  }

  /** A value's vector and its lane in it. */
  public record Position(int vector, int lane) {}
}
