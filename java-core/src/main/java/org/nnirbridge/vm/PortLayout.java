package org.nnirbridge.vm;

import org.nnirbridge.program.Port;

/**
 * Where the words of a port lie in the caller's row-major array.
 *
 * @param lanes the values of a vector along the data dimension
 * @param blocks the words of a vector
 * @param stride from one lane to the next
 */
record PortLayout(int lanes, int blocks, int stride, int blockSize) {
  PortLayout(Port port, int blockSize) {
    this(port.lanes(), (port.lanes() + blockSize - 1) / blockSize, stride(port), blockSize);
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
}
