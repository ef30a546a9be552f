package org.nnirbridge.tile;

import java.util.ArrayList;
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
