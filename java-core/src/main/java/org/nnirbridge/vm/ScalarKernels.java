package org.nnirbridge.vm;

import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * The machine's arithmetic on blocks of a core's memory, written to be read: numerics.md in Java.
 *
 * <p>All offsets are into the core's memory, in values. With {@code rounds} off, results stay
 * float32 whatever their format.
 */
final class ScalarKernels {
  private final int blockSize;
  private final boolean rounds;

  ScalarKernels(int blockSize, boolean rounds) {
    this.blockSize = blockSize;
    this.rounds = rounds;
  }

  private float round(NumberFormat format, float value) {
    return rounds ? format.round(value) : Bf16.canonical(value);
  }

  /**
   * Adds weight blocks times vectors to an accumulator: per output lane one sum, inputs in order.
   */
  void matVec(
      float[] memory, int accumulator, float[] weights, int weight, int source, int inputs) {
    int k = 0;
    for (; k + 4 <= inputs; k += 4) {
      float x0 = memory[source + k];
      float x1 = memory[source + k + 1];
      float x2 = memory[source + k + 2];
      float x3 = memory[source + k + 3];
      int w = weight + k * blockSize;
      for (int j = 0; j < blockSize; j++) {
        float sum = memory[accumulator + j];
        sum = Math.fma(weights[w + j], x0, sum);
        sum = Math.fma(weights[w + blockSize + j], x1, sum);
        sum = Math.fma(weights[w + 2 * blockSize + j], x2, sum);
        memory[accumulator + j] = Math.fma(weights[w + 3 * blockSize + j], x3, sum);
      }
    }
    for (; k < inputs; k++) {
      float x = memory[source + k];
      int w = weight + k * blockSize;
      for (int j = 0; j < blockSize; j++) {
        memory[accumulator + j] = Math.fma(weights[w + j], x, memory[accumulator + j]);
      }
    }
  }

  void store(float[] memory, int target, int accumulator, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, memory[accumulator + j]);
    }
  }

  void bound(
      float[] memory, int target, int source, float minimum, float maximum, NumberFormat format) {
    float low = round(format, minimum);
    float high = round(format, maximum);
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = Bf16.canonical(Math.min(Math.max(memory[source + j], low), high));
    }
  }

  void map(float[] memory, int target, int source, UnaryFunction function, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, function.apply(memory[source + j]));
    }
  }

  void zip(float[] memory, int target, int a, int b, BinaryFunction function, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, function.apply(memory[a + j], memory[b + j]));
    }
  }

  void multiplyAdd(float[] memory, int target, int sum, int a, int b, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, Math.fma(memory[a + j], memory[b + j], memory[sum + j]));
    }
  }

  void lstmCell(float[] memory, int target, int i, int f, int g, int cell) {
    for (int j = 0; j < blockSize; j++) {
      float update =
          UnaryFunction.SIGMOID.apply(memory[i + j]) * UnaryFunction.TANH.apply(memory[g + j]);
      float keep = UnaryFunction.SIGMOID.apply(memory[f + j]);
      memory[target + j] = Bf16.canonical(Math.fma(keep, memory[cell + j], update));
    }
  }

  void lstmHidden(float[] memory, int target, int o, int cell) {
    for (int j = 0; j < blockSize; j++) {
      float hidden =
          UnaryFunction.SIGMOID.apply(memory[o + j]) * UnaryFunction.TANH.apply(memory[cell + j]);
      memory[target + j] = round(NumberFormat.BF16, hidden);
    }
  }
}
