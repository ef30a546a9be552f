package org.nnirbridge.vm;

import org.nnirbridge.program.Port;

/**
 * Where the words of a port lie in the caller's row-major array.
 *
 * @param size of the array
 * @param lanes the values of a vector along the data dimension
 * @param blocks the words of a vector
 * @param stride from one lane to the next
 */
record PortLayout(int size, int lanes, int blocks, int stride, int blockSize) {
  PortLayout(Port port, int blockSize) {
    this(
        port.size(),
        port.lanes(),
        (port.lanes() + blockSize - 1) / blockSize,
        stride(port),
        blockSize);
  }

  private static int stride(Port port) {
    int stride = 1;
    for (int axis = port.dataDim() + 1; axis < port.shape().size(); axis++) {
      stride *= port.shape().get(axis);
    }
    return stride;
  }

  /** The index of a word's first lane. */
  int base(int word) {
    int vector = word / blocks;
    int start = vector / stride * stride * lanes + vector % stride;
    return start + word % blocks * blockSize * stride;
  }

  /** How many lanes of a word count. */
  int lanes(int word) {
    return Math.min(blockSize, lanes - word % blocks * blockSize);
  }

  /** Copies an array to words that lie one after another. */
  void scatter(float[] array, float[] memory, int words) {
    int vectors = lanes == 0 ? 0 : size / lanes;
    for (int vector = 0; vector < vectors; vector++) {
      int from = base(vector * blocks);
      int to = words + vector * blocks * blockSize;
      if (stride == 1) {
        System.arraycopy(array, from, memory, to, lanes);
      } else {
        for (int lane = 0; lane < lanes; lane++) {
          memory[to + lane] = array[from + lane * stride];
        }
      }
    }
  }
}
