package org.nnirbridge.vm;

import java.util.Arrays;
import org.nnirbridge.isa.Address;
import org.nnirbridge.isa.Region;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.program.CoreImage;
import org.nnirbridge.program.FixedBlock;

/**
 * The stores of one core as flat arrays of float32, each value of which is one of its number
 * format.
 *
 * <p>Tensor RAM, cell store and accumulators follow each other in {@link #values}.
 */
final class CoreMemory {
  final float[] values;
  final float[] weights;
  private final int blockSize;
  private final int cellBase;
  private final int accumulatorBase;

  CoreMemory(CoreImage image, int blockSize, boolean rounds, float[] weights) {
    this.blockSize = blockSize;
    this.weights = weights;
    this.cellBase = image.tensorBlocks();
    this.accumulatorBase = cellBase + image.cellBlocks();
    this.values = new float[(accumulatorBase + image.accumulators()) * blockSize];
    for (FixedBlock block : image.constants()) {
      write(offset(block.address()), block.values(), block.format(), rounds);
    }
  }

  /** The weights of a core as it multiplies them: rounded to BF16 unless float32 is asked for. */
  static float[] loadWeights(CoreImage image, boolean rounds) {
    if (!rounds) {
      return image.weights();
    }
    float[] rounded = image.weights().clone();
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = NumberFormat.BF16.round(rounded[i]);
    }
    return rounded;
  }

  void write(int offset, float[] block, NumberFormat format, boolean rounds) {
    for (int j = 0; j < block.length; j++) {
      values[offset + j] = rounds ? format.round(block[j]) : block[j];
    }
  }

  void clear(int offset) {
    Arrays.fill(values, offset, offset + blockSize, 0f);
  }

  /** The offset in {@link #values} of an address outside of windows. */
  int offset(int address) {
    int index = Address.index(address);
    Region region = Address.region(address);
    return switch (region) {
      case TENSOR -> index * blockSize;
      case CELL -> (cellBase + index) * blockSize;
      case ACCUMULATOR -> (accumulatorBase + index) * blockSize;
      case WINDOW -> throw new IllegalArgumentException("window addresses move");
    };
  }
}
