package org.nnirbridge.nnir;

import java.util.Arrays;
import java.util.List;
import org.nnirbridge.diagnostic.CompilerBug;

/**
 * A constant: float32 values in row-major order. The array is shared, never written.
 *
 * @param shape the extent of each axis
 * @param values as many values as the product of the extents
 */
public record Tensor(List<Integer> shape, float[] values) {
  public Tensor {
    shape = List.copyOf(shape);
    if (values.length != Shapes.size(shape)) {
      throw new CompilerBug(
          "a tensor of shape " + shape + " was given " + values.length + " values");
    }
  }

  public static Tensor zeros(List<Integer> shape) {
    return new Tensor(shape, new float[Shapes.size(shape)]);
  }

  public static Tensor filled(List<Integer> shape, float value) {
    float[] values = new float[Shapes.size(shape)];
    Arrays.fill(values, value);
    return new Tensor(shape, values);
  }

  /** The sum of two tensors of one shape, in float32. */
  public Tensor plus(Tensor other) {
    float[] sum = new float[values.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = values[i] + other.values[i];
    }
    return new Tensor(shape, sum);
  }

  /** The values of a matrix with its two axes exchanged. */
  public Tensor transposedMatrix() {
    int rows = shape.get(0);
    int columns = shape.get(1);
    return new Tensor(List.of(columns, rows), transposed(values, rows, columns));
  }

  /** The values of a matrix in row-major order with its two axes exchanged. */
  public static float[] transposed(float[] values, int rows, int columns) {
    float[] transposed = new float[values.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        transposed[c * rows + r] = values[r * columns + c];
      }
    }
    return transposed;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Tensor tensor
        && shape.equals(tensor.shape)
        && Arrays.equals(values, tensor.values);
  }

  @Override
  public int hashCode() {
    return 31 * shape.hashCode() + Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return "Tensor" + shape;
  }
}
