package org.nnirbridge.nnir;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Arithmetic on shapes: lists of extents, row-major. */
public final class Shapes {
  private Shapes() {}

  /** The number of values of a tensor of this shape; 1 for rank 0. */
  public static int size(List<Integer> shape) {
    long size = 1;
    for (int extent : shape) {
      size *= extent;
    }
    return Math.toIntExact(size);
  }

  /** The product of the extents to the right of an axis. */
  public static int stride(List<Integer> shape, int axis) {
    return size(shape.subList(axis + 1, shape.size()));
  }

  public static List<Integer> without(List<Integer> shape, int axis) {
    List<Integer> result = new ArrayList<>(shape);
    result.remove(axis);
    return List.copyOf(result);
  }

  public static List<Integer> with(List<Integer> shape, int axis, int extent) {
    List<Integer> result = new ArrayList<>(shape);
    result.set(axis, extent);
    return List.copyOf(result);
  }

  /** The row-major coordinates of the value at a flat index. */
  public static int[] coordinates(List<Integer> shape, int flatIndex) {
    int[] coordinates = new int[shape.size()];
    int rest = flatIndex;
    for (int axis = shape.size() - 1; axis >= 0; axis--) {
      coordinates[axis] = rest % shape.get(axis);
      rest /= shape.get(axis);
    }
    return coordinates;
  }

  /** The flat index of the value at row-major coordinates. */
  public static int flatIndex(List<Integer> shape, int[] coordinates) {
    int index = 0;
    for (int axis = 0; axis < shape.size(); axis++) {
      index = index * shape.get(axis) + coordinates[axis];
    }
    return index;
  }

  /** A number of things in words: {@code 1 input}, {@code 2 inputs}. */
  public static String counted(int count, String thing) {
    return count + " " + thing + (count == 1 ? "" : "s");
  }

  /** The shape in words, {@code [1 5 64!]} with a mark at the data dimension; -1 for no mark. */
  public static String marked(List<Integer> shape, int dataDim) {
    List<String> words = new ArrayList<>();
    for (int axis = 0; axis < shape.size(); axis++) {
      words.add(shape.get(axis) + (axis == dataDim ? "!" : ""));
    }
    return words.stream().collect(Collectors.joining(" ", "[", "]"));
  }
}
