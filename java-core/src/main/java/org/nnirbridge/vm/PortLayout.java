package org.nnirbridge.vm;

import org.nnirbridge.program.Port;

/** Where the words of a port lie in the caller's row-major array; worked out once for all steps. */
final class PortLayout {
  private final int size;
  private final int lanes;
  private final int stride;
  private final int blockSize;

  /** The words of a vector along the data dimension. */
  private final int blocks;

  private final int[] bases;
  private final int[] lanesOfWord;

  PortLayout(Port port, int blockSize) {
    this.size = port.size();
    this.lanes = port.lanes();
    this.stride = stride(port);
    this.blockSize = blockSize;
    this.blocks = (lanes + blockSize - 1) / blockSize;
    this.bases = new int[port.words(blockSize)];
    this.lanesOfWord = new int[bases.length];
    for (int word = 0; word < bases.length; word++) {
      int vector = word / blocks;
      int lane = word % blocks * blockSize;
      bases[word] = vector / stride * stride * lanes + vector % stride + lane * stride;
      lanesOfWord[word] = Math.min(blockSize, lanes - lane);
    }
  }

  private static int stride(Port port) {
    int stride = 1;
    for (int axis = port.dataDim() + 1; axis < port.shape().size(); axis++) {
      stride *= port.shape().get(axis);
    }
    return stride;
  }

  /** The values of the array. */
  int size() {
    return size;
  }

  /** From one lane to the next. */
  int stride() {
    return stride;
  }

  /** The index of a word's first lane. */
  int base(int word) {
    return bases[word];
  }

  /** How many lanes of a word count. */
  int lanes(int word) {
    return lanesOfWord[word];
  }

  /** Copies an array to words that lie one after another. */
  void scatter(float[] array, float[] memory, int words) {
    for (int word = 0; word < bases.length; word += blocks) {
      int from = bases[word];
      int to = words + word * blockSize;
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
