package org.nnirbridge.backend;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.tile.WeightMatrix;

/** The weight store of one core while a program is built; block rows are stored once. */
final class WeightStore {
  private final int blockSize;
  private final Map<BlockRow, Integer> addresses = new HashMap<>();
  private final List<BlockRow> rows = new ArrayList<>();
  private int used;

  /** B rows of a matrix; matrices are compared by identity, equal ones being one already. */
  record BlockRow(WeightMatrix matrix, int row) {
    @Override
    public boolean equals(Object other) {
      return other instanceof BlockRow blockRow && matrix == blockRow.matrix && row == blockRow.row;
    }

    @Override
    public int hashCode() {
      return 31 * System.identityHashCode(matrix) + row;
    }

    int blocks(int blockSize) {
      return (matrix.columns() + blockSize - 1) / blockSize;
    }
  }

  WeightStore(int blockSize) {
    this.blockSize = blockSize;
  }

  boolean holds(BlockRow row) {
    return addresses.containsKey(row);
  }

  void add(BlockRow row) {
    if (addresses.putIfAbsent(row, used) == null) {
      rows.add(row);
      used += row.blocks(blockSize);
    }
  }

  int used() {
    return used;
  }

  /** The address of the first block of a row. */
  int address(BlockRow row) {
    return addresses.get(row);
  }

  /**
   * The store's contents, block by block, each with the B weights of an input lane side by side.
   */
  float[] contents() {
    float[] contents = new float[used * blockSize * blockSize];
    for (BlockRow row : rows) {
      copy(row, contents, addresses.get(row) * blockSize * blockSize);
    }
    return contents;
  }

  private void copy(BlockRow row, float[] contents, int base) {
    WeightMatrix matrix = row.matrix();
    int firstRow = row.row() * blockSize;
    int lanes = Math.min(blockSize, matrix.rows() - firstRow);
    for (int j = 0; j < lanes; j++) {
      int source = (firstRow + j) * matrix.columns();
      for (int k = 0; k < matrix.columns(); k++) {
        contents[base + k * blockSize + j] = matrix.values()[source + k];
      }
    }
  }
}
