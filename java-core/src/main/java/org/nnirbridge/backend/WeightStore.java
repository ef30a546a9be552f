package org.nnirbridge.backend;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.tile.WeightMatrix;

/**
 * The weight store of one core while a program is built; block rows are stored once, those in FP8
 * before all others.
 */
final class WeightStore {
  private final int blockSize;
  private final Rows fp8 = new Rows();
  private final Rows bf16 = new Rows();

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

  /** The block rows of one format, each with its first block. */
  private static final class Rows {
    final Map<BlockRow, Integer> places = new LinkedHashMap<>();
    int blocks;
  }

  private interface WeightConsumer {
    void accept(int index, float weight);
  }

  WeightStore(int blockSize) {
    this.blockSize = blockSize;
  }

  private Rows rowsLike(BlockRow row) {
    return row.matrix().fp8() ? fp8 : bf16;
  }

  private boolean holds(BlockRow row) {
    return rowsLike(row).places.containsKey(row);
  }

  boolean holdsAll(Collection<BlockRow> needed) {
    return needed.stream().allMatch(this::holds);
  }

  void add(BlockRow row) {
    Rows rows = rowsLike(row);
    if (rows.places.putIfAbsent(row, rows.blocks) == null) {
      rows.blocks += row.blocks(blockSize);
    }
  }

  /** How much of the store's depth is taken. */
  int used() {
    return CoreImage.weightStoreUsed(fp8.blocks, bf16.blocks);
  }

  /** How much would be taken if these rows were there too. */
  int usedWith(Collection<BlockRow> more) {
    int fp8Blocks = fp8.blocks;
    int bf16Blocks = bf16.blocks;
    for (BlockRow row : more) {
      int blocks = holds(row) ? 0 : row.blocks(blockSize);
      if (row.matrix().fp8()) {
        fp8Blocks += blocks;
      } else {
        bf16Blocks += blocks;
      }
    }
    return CoreImage.weightStoreUsed(fp8Blocks, bf16Blocks);
  }

  /** The address of the first block of a row, once all rows are there. */
  int address(BlockRow row) {
    int place = rowsLike(row).places.get(row);
    return row.matrix().fp8() ? place : fp8.blocks + place;
  }

  /** The blocks in FP8 one after another, each with the B weights of an input lane side by side. */
  byte[] fp8Contents() {
    byte[] contents = new byte[fp8.blocks * blockSize * blockSize];
    forEachWeight(fp8, (index, weight) -> contents[index] = Fp8E4M3.encode(weight));
    return contents;
  }

  /** The other blocks, laid out alike. */
  float[] bf16Contents() {
    float[] contents = new float[bf16.blocks * blockSize * blockSize];
    forEachWeight(bf16, (index, weight) -> contents[index] = weight);
    return contents;
  }

  private void forEachWeight(Rows rows, WeightConsumer consumer) {
    rows.places.forEach(
        (row, place) -> forEachWeight(row, place * blockSize * blockSize, consumer));
  }

  private void forEachWeight(BlockRow row, int base, WeightConsumer consumer) {
    WeightMatrix matrix = row.matrix();
    int firstRow = row.row() * blockSize;
    int lanes = Math.min(blockSize, matrix.rows() - firstRow);
    for (int j = 0; j < lanes; j++) {
      int source = (firstRow + j) * matrix.columns();
      for (int k = 0; k < matrix.columns(); k++) {
        consumer.accept(base + k * blockSize + j, matrix.values()[source + k]);
      }
    }
  }
}
