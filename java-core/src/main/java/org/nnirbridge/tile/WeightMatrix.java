package org.nnirbridge.tile;

import java.util.Arrays;

/**
 * A constant matrix of shape [rows, columns] in row-major order, to be cut into blocks.
 *
 * <p>Equal matrices are equal, so that they are stored once.
 */
public record WeightMatrix(float[] values, int rows, int columns, boolean fp8) {
  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof WeightMatrix matrix
            && rows == matrix.rows
            && columns == matrix.columns
            && fp8 == matrix.fp8
            && Arrays.equals(values, matrix.values));
  }

  @Override
  public int hashCode() {
    return 31 * (31 * rows + columns) + Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return "WeightMatrix[" + rows + ", " + columns + "]";
  }
}
