package org.nnirbridge.vm;

import org.nnirbridge.program.Port;

/** Where the lanes of one word of a port lie in the caller's row-major array. */
record Word(int base, int stride, int lanes) {
  Word(Port port, int word, int blockSize) {
    this(base(port, word, blockSize), stride(port), lanes(port, word, blockSize));
  }

  int index(int lane) {
    return base + lane * stride;
  }

  private static int blocks(Port port, int blockSize) {
    return (port.lanes() + blockSize - 1) / blockSize;
  }

  private static int stride(Port port) {
    int stride = 1;
    for (int axis = port.dataDim() + 1; axis < port.shape().size(); axis++) {
      stride *= port.shape().get(axis);
    }
    return stride;
  }

  private static int lanes(Port port, int word, int blockSize) {
    int block = word % blocks(port, blockSize);
    return Math.min(blockSize, port.lanes() - block * blockSize);
  }

  private static int base(Port port, int word, int blockSize) {
    int blocks = blocks(port, blockSize);
    int stride = stride(port);
    int vector = word / blocks;
    int start = vector / stride * stride * port.lanes() + vector % stride;
    return start + word % blocks * blockSize * stride;
  }
}
