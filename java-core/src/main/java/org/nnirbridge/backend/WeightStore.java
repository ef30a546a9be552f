package org.nnirbridge.backend;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.tile.WeightMatrix;

/**
 * The weight store of one core while a program is built; block rows, or their pieces, are stored
 * once, those in FP8 before all others.
 */
final class WeightStore {
  private final int blockSize;
  private final Rows fp8 = new Rows();
  private final Rows bf16 = new Rows();

  /**
   * Blocks of a block row, side by side; matrices are compared by identity, equal ones being one
   * already.
   *
   * @param from the first of them
   */
  record RowPiece(WeightMatrix matrix, int row, int from, int blocks) {
    @Override
    public boolean equals(Object other) {
      return other instanceof RowPiece piece
          && matrix == piece.matrix
          && row == piece.row
          && from == piece.from
          && blocks == piece.blocks;
    }

    @Override
    public int hashCode() {
      return Objects.hash(System.identityHashCode(matrix), row, from, blocks);
    }
  }

  /** The rows and pieces of one format, each with its first block. */
  private static final class Rows {
    final Map<RowPiece, Integer> places = new LinkedHashMap<>();
    int blocks;
  }

  private interface WeightConsumer {
    void accept(int index, float weight);
  }

  WeightStore(int blockSize) {
    this.blockSize = blockSize;
  }

  private Rows rowsLike(RowPiece row) {
    return row.matrix().fp8() ? fp8 : bf16;
  }

  private boolean holds(RowPiece row) {
    return rowsLike(row).places.containsKey(row);
  }

  boolean holdsAll(Collection<RowPiece> needed) {
    return needed.stream().allMatch(this::holds);
  }

  void add(RowPiece row) {
    Rows rows = rowsLike(row);
    if (rows.places.putIfAbsent(row, rows.blocks) == null) {
      rows.blocks += row.blocks();
    }
  }

  /** How much of the store's depth is taken. */
  int used() {
    return CoreImage.weightStoreUsed(fp8.blocks, bf16.blocks);
  }

  /** How much would be taken if these rows were there too. */
  int usedWith(Collection<RowPiece> more) {
    int fp8Blocks = fp8.blocks;
    int bf16Blocks = bf16.blocks;
    for (RowPiece row : more) {
      int blocks = holds(row) ? 0 : row.blocks();
      if (row.matrix().fp8()) {
        fp8Blocks += blocks;
      } else {
        bf16Blocks += blocks;
      }
    }
    return CoreImage.weightStoreUsed(fp8Blocks, bf16Blocks);
  }

  /** The address of the first block of a row, once all rows are there. */
  int address(RowPiece row) {
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

  private void forEachWeight(RowPiece piece, int base, WeightConsumer consumer) {
    WeightMatrix matrix = piece.matrix();
    int firstRow = piece.row() * blockSize;
    int lanes = Math.min(blockSize, matrix.rows() - firstRow);
    int firstColumn = piece.from() * blockSize;
    int columns = Math.min(piece.blocks() * blockSize, matrix.columns() - firstColumn);
    for (int j = 0; j < lanes; j++) {
      int source = (firstRow + j) * matrix.columns() + firstColumn;
      for (int k = 0; k < columns; k++) {
        consumer.accept(base + k * blockSize + j, matrix.values()[source + k]);
      }
    }
  }
}
