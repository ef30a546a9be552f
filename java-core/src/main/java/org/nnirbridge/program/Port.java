package org.nnirbridge.program;

import java.util.List;
import java.util.OptionalInt;
import org.nnirbridge.numerics.NumberFormat;

/**
 * An input or output of a model.
 *
 * @param shape as the caller gives or gets it, in row-major order
 * @param streamingDim the time axis of the whole sequence, when one step of it is given per run
 * @param dataDim the axis that lies along the words; -1 for rank 0
 */
public record Port(
    String name, List<Integer> shape, NumberFormat format, OptionalInt streamingDim, int dataDim) {
  public Port {
    shape = List.copyOf(shape);
  }

  /** The number of values. */
  public int size() {
    int size = 1;
    for (int extent : shape) {
      size = Math.multiplyExact(size, extent);
    }
    return size;
  }

  /** The number of values along a word's axis. */
  public int lanes() {
    return dataDim < 0 ? 1 : shape.get(dataDim);
  }

  /** The number of words of a block size. */
  public int words(int blockSize) {
    int lanes = lanes();
    return lanes == 0 ? 0 : size() / lanes * ((lanes + blockSize - 1) / blockSize);
  }
}
