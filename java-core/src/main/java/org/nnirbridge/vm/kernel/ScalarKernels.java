package org.nnirbridge.vm.kernel;

import java.util.Arrays;
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
  private final boolean rounds;

  public ScalarKernels(boolean rounds) {
    this.rounds = rounds;
  }

  private float round(NumberFormat format, float value) {
    return rounds ? format.round(value) : Bf16.canonical(value);
  }

  @Override
  public void addProducts(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] words,
      Packing packing,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride) {
    for (int i = 0; i < times; i++) {
      int to = sums + i * sumsStride;
      System.arraycopy(memory, start + i * startStride, memory, to, width);
      for (int k = 0; k < inputs; k++) {
        float input = memory[source + i * sourceStride + k];
        int row = weights + i * weightsStride + packing.word(k) * width;
        for (int j = 0; j < width; j++) {
          float weight = packing.weight(words[row + j], k);
          memory[to + j] = Math.fma(weight, input, memory[to + j]);
        }
      }
    }
  }

  @Override
  public void addProducts(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride) {
    for (int i = 0; i < times; i++) {
      int to = sums + i * sumsStride;
      System.arraycopy(memory, start + i * startStride, memory, to, width);
      for (int k = 0; k < inputs; k++) {
        float input = memory[source + i * sourceStride + k];
        int row = weights + i * weightsStride + k * width;
        for (int j = 0; j < width; j++) {
          memory[to + j] = Math.fma(floats[row + j], input, memory[to + j]);
        }
      }
    }
  }

  @Override
  public void store(float[] memory, int target, int source, NumberFormat format, int lanes) {
    for (int j = 0; j < lanes; j++) {
      memory[target + j] = round(format, memory[source + j]);
    }
  }

  @Override
  public void truncate(float[] memory, int target, int source, int lanes) {
    for (int j = 0; j < lanes; j++) {
      memory[target + j] = Bf16.truncate(memory[source + j]);
    }
  }

  @Override
  public void bound(
      float[] memory,
      int target,
      int source,
      float minimum,
      float maximum,
      NumberFormat format,
      int lanes) {
    float low = round(format, minimum);
    float high = round(format, maximum);
    for (int j = 0; j < lanes; j++) {
      memory[target + j] = Bf16.canonical(Math.min(Math.max(memory[source + j], low), high));
    }
  }

  @Override
  public void map(
      float[] memory,
      int target,
      int source,
      UnaryFunction function,
      NumberFormat format,
      int lanes) {
    for (int j = 0; j < lanes; j++) {
      memory[target + j] = round(format, function.apply(memory[source + j]));
    }
  }

  @Override
  public void zip(
      float[] memory,
      int target,
      int a,
      int b,
      BinaryFunction function,
      NumberFormat format,
      int lanes) {
    for (int j = 0; j < lanes; j++) {
      memory[target + j] = round(format, function.apply(memory[a + j], memory[b + j]));
    }
  }

  @Override
  public void multiplyAdd(
      float[] memory, int target, int sum, int a, int b, NumberFormat format, int lanes) {
    for (int j = 0; j < lanes; j++) {
      memory[target + j] = round(format, Math.fma(memory[a + j], memory[b + j], memory[sum + j]));
    }
  }

  @Override
  public void fold(
      float[] memory,
      int target,
      int initial,
      int source,
      BinaryFunction function,
      int count,
      NumberFormat format,
      int lanes) {
    float value = memory[initial];
    for (int k = 0; k < count; k++) {
      value = function.apply(value, memory[source + k]);
    }
    Arrays.fill(memory, target, target + lanes, round(format, value));
  }

  @Override
  public void select(
      float[] memory, int target, int mask, int a, int b, NumberFormat format, int lanes) {
    for (int j = 0; j < lanes; j++) {
      float chosen = memory[mask + j] != 0f ? memory[a + j] : memory[b + j];
      memory[target + j] = round(format, chosen);
    }
  }

  @Override
  public void lstmCell(float[] memory, int target, int i, int f, int g, int cell, int lanes) {
    for (int j = 0; j < lanes; j++) {
      float update =
          UnaryFunction.SIGMOID.apply(memory[i + j]) * UnaryFunction.TANH.apply(memory[g + j]);
      float keep = UnaryFunction.SIGMOID.apply(memory[f + j]);
      memory[target + j] = Bf16.canonical(Math.fma(keep, memory[cell + j], update));
    }
  }

  @Override
  public void lstmHidden(float[] memory, int target, int o, int cell, int lanes) {
    for (int j = 0; j < lanes; j++) {
      float hidden =
          UnaryFunction.SIGMOID.apply(memory[o + j]) * UnaryFunction.TANH.apply(memory[cell + j]);
      memory[target + j] = round(NumberFormat.BF16, hidden);
    }
  }
}
