package org.nnirbridge.tile;

import java.util.Arrays;

/**
 * A constant matrix of shape [rows, columns] in row-major order, to be cut into blocks.
 *
 * <p>Equal matrices are equal, so that they are stored once. Not a record because it keeps its hash
 * code: every tile that multiplies by a matrix is looked up by it, and a matrix may be large.
 */
public final class WeightMatrix {
  private final float[] values;
  private final int rows;
  private final int columns;
  private final boolean fp8;
  private final int hashCode;

  public WeightMatrix(float[] values, int rows, int columns, boolean fp8) {
    this.values = values;
    this.rows = rows;
    this.columns = columns;
    this.fp8 = fp8;
    this.hashCode = 31 * (31 * rows + columns) + Arrays.hashCode(values);
  }

  public float[] values() {
    return values;
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  public boolean fp8() {
    return fp8;
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof WeightMatrix matrix
            && hashCode == matrix.hashCode
            && rows == matrix.rows
            && columns == matrix.columns
            && fp8 == matrix.fp8
            && Arrays.equals(values, matrix.values));
  }

  @Override
  public int hashCode() {
    return hashCode;
  }

  @Override
  public String toString() {
    return "WeightMatrix[" + rows + ", " + columns + "]";
  }
}
