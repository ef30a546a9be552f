package org.nnirbridge.vm.kernel;

import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * The kernels written to be read: numerics.md in Java.
 *
 * <p>With {@code rounds} off, results stay float32 whatever their format.
 */
public final class ScalarKernels implements Kernels {
  private final int blockSize;
  private final boolean rounds;

  public ScalarKernels(int blockSize, boolean rounds) {
    this.blockSize = blockSize;
    this.rounds = rounds;
  }

  private float round(NumberFormat format, float value) {
    return rounds ? format.round(value) : Bf16.canonical(value);
  }

  @Override
  public void matVec(
      float[] memory, int accumulator, float[] weights, int weight, int source, int inputs) {
    matVecLanes(memory, accumulator, weights, weight, source, inputs, 0);
  }

  /** The same for the output lanes from one on. */
  public void matVecLanes(
      float[] memory,
      int accumulator,
      float[] weights,
      int weight,
      int source,
      int inputs,
      int firstLane) {
    for (int j = firstLane; j < blockSize; j++) {
      float sum = memory[accumulator + j];
      for (int k = 0; k < inputs; k++) {
        sum = Math.fma(weights[weight + k * blockSize + j], memory[source + k], sum);
      }
      memory[accumulator + j] = sum;
    }
  }

  @Override
  public void store(float[] memory, int target, int accumulator, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, memory[accumulator + j]);
    }
  }

  @Override
  public void bound(
      float[] memory, int target, int source, float minimum, float maximum, NumberFormat format) {
    float low = round(format, minimum);
    float high = round(format, maximum);
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = Bf16.canonical(Math.min(Math.max(memory[source + j], low), high));
    }
  }

  @Override
  public void map(
      float[] memory, int target, int source, UnaryFunction function, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, function.apply(memory[source + j]));
    }
  }

  @Override
  public void zip(
      float[] memory, int target, int a, int b, BinaryFunction function, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, function.apply(memory[a + j], memory[b + j]));
    }
  }

  @Override
  public void multiplyAdd(float[] memory, int target, int sum, int a, int b, NumberFormat format) {
    for (int j = 0; j < blockSize; j++) {
      memory[target + j] = round(format, Math.fma(memory[a + j], memory[b + j], memory[sum + j]));
    }
  }

  @Override
  public void lstmCell(float[] memory, int target, int i, int f, int g, int cell) {
    for (int j = 0; j < blockSize; j++) {
      float update =
          UnaryFunction.SIGMOID.apply(memory[i + j]) * UnaryFunction.TANH.apply(memory[g + j]);
      float keep = UnaryFunction.SIGMOID.apply(memory[f + j]);
      memory[target + j] = Bf16.canonical(Math.fma(keep, memory[cell + j], update));
    }
  }

  @Override
  public void lstmHidden(float[] memory, int target, int o, int cell) {
    for (int j = 0; j < blockSize; j++) {
      float hidden =
          UnaryFunction.SIGMOID.apply(memory[o + j]) * UnaryFunction.TANH.apply(memory[cell + j]);
      memory[target + j] = round(NumberFormat.BF16, hidden);
    }
  }
}
