package org.nnirbridge.vm.kernel.simd;

import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.vm.kernel.Kernels;
import org.nnirbridge.vm.kernel.ScalarKernels;

/**
 * The kernels in SIMD, with lanes = independent results, so that each sum keeps the order of {@link
 * ScalarKernels} and with it every bit. Lanes that do not fill a vector are scalar.
 */
public final class VectorKernels implements Kernels {
  private static final int LANES = VectorFunctions.FLOATS.length();

  /** How many lanes the functions of several steps take at once. */
  private static final int SCRATCH = 256;

  private final ScalarKernels scalar;
  private final boolean rounds;
  private final float[] first = new float[SCRATCH];
  private final float[] second = new float[SCRATCH];
  private final float[] third = new float[SCRATCH];

  public VectorKernels(boolean rounds, ScalarKernels scalar) {
    this.rounds = rounds;
    this.scalar = scalar;
  }

  private boolean bf16(NumberFormat format) {
    return rounds && format == NumberFormat.BF16;
  }

  private static int whole(int lanes) {
    return lanes / LANES * LANES;
  }

  @Override
  public void addProducts(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights,
      int streams,
      int stride) {
    int stream = 0;
    for (; stream + PairProducts.STREAMS <= streams; stream += PairProducts.STREAMS) {
      int base = stream * stride;
      PairProducts.addStreams(
          memory, sums + base, start + base, width, source + base, inputs, pairs, weights, stride);
    }
    for (; stream < streams; stream++) {
      int base = stream * stride;
      PairProducts.add(
          memory, sums + base, start + base, width, source + base, inputs, pairs, weights);
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
      int streams,
      int stride) {
    for (int base = 0; base < streams * stride; base += stride) {
      FloatProducts.add(
          memory, sums + base, start + base, width, source + base, inputs, floats, weights);
    }
  }

  @Override
  public void store(float[] memory, int target, int source, NumberFormat format, int lanes) {
    int whole = whole(lanes);
    if (bf16(format)) {
      VectorFunctions.round(memory, source, memory, target, whole);
    } else {
      VectorFunctions.canonical(memory, source, memory, target, whole);
    }
    scalar.store(memory, target + whole, source + whole, format, lanes - whole);
  }

  @Override
  public void truncate(float[] memory, int target, int source, int lanes) {
    int whole = whole(lanes);
    VectorFunctions.truncate(memory, source, memory, target, whole);
    scalar.truncate(memory, target + whole, source + whole, lanes - whole);
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
    int whole = whole(lanes);
    float low = bf16(format) ? format.round(minimum) : minimum;
    float high = bf16(format) ? format.round(maximum) : maximum;
    VectorFunctions.bound(memory, source, memory, target, whole, low, high);
    scalar.bound(memory, target + whole, source + whole, minimum, maximum, format, lanes - whole);
  }

  @Override
  public void map(
      float[] memory,
      int target,
      int source,
      UnaryFunction function,
      NumberFormat format,
      int lanes) {
    int whole = isVectorized(function) ? whole(lanes) : 0;
    for (int j = 0; j < whole; j += SCRATCH) {
      int count = Math.min(SCRATCH, whole - j);
      apply(function, memory, source + j, count);
      if (bf16(format)) {
        VectorFunctions.round(first, 0, memory, target + j, count);
      } else {
        VectorFunctions.canonical(first, 0, memory, target + j, count);
      }
    }
    scalar.map(memory, target + whole, source + whole, function, format, lanes - whole);
  }

  private static boolean isVectorized(UnaryFunction function) {
    return switch (function) {
      case EXP, TANH, SIGMOID, SILU -> true;
      case IDENTITY,
          NEG,
          ABS,
          SQRT,
          RSQRT,
          RECIPROCAL,
          EXP2,
          LOG,
          LOG2,
          LOG10,
          SOFTPLUS,
          GELU,
          GELU_TANH,
          ELU,
          HARDSWISH ->
          false;
    };
  }

  /** Leaves a function of lanes in {@link #first}. */
  private void apply(UnaryFunction function, float[] memory, int source, int lanes) {
    switch (function) {
      case EXP -> VectorFunctions.exp(memory, source, first, lanes);
      case TANH -> VectorFunctions.tanh(memory, source, first, lanes);
      case SIGMOID -> VectorFunctions.sigmoid(memory, source, first, lanes);
      case SILU -> {
        VectorFunctions.sigmoid(memory, source, first, lanes);
        VectorFunctions.multiply(memory, source, first, first, 0, lanes);
      }
      default -> throw new IllegalArgumentException(function + " is scalar here");
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
    scalar.zip(memory, target, a, b, function, format, lanes);
  }

  @Override
  public void multiplyAdd(
      float[] memory, int target, int sum, int a, int b, NumberFormat format, int lanes) {
    scalar.multiplyAdd(memory, target, sum, a, b, format, lanes);
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
    scalar.fold(memory, target, initial, source, function, count, format, lanes);
  }

  @Override
  public void select(
      float[] memory, int target, int mask, int a, int b, NumberFormat format, int lanes) {
    scalar.select(memory, target, mask, a, b, format, lanes);
  }

  @Override
  public void lstmCell(float[] memory, int target, int i, int f, int g, int cell, int lanes) {
    int whole = whole(lanes);
    for (int j = 0; j < whole; j += SCRATCH) {
      int count = Math.min(SCRATCH, whole - j);
      VectorFunctions.sigmoid(memory, i + j, first, count);
      VectorFunctions.tanh(memory, g + j, second, count);
      VectorFunctions.sigmoid(memory, f + j, third, count);
      VectorFunctions.multiply(first, 0, second, first, 0, count);
      VectorFunctions.multiplyAdd(third, memory, cell + j, first, memory, target + j, count);
    }
    scalar.lstmCell(
        memory, target + whole, i + whole, f + whole, g + whole, cell + whole, lanes - whole);
  }

  @Override
  public void lstmHidden(float[] memory, int target, int o, int cell, int lanes) {
    int whole = whole(lanes);
    for (int j = 0; j < whole; j += SCRATCH) {
      int count = Math.min(SCRATCH, whole - j);
      VectorFunctions.sigmoid(memory, o + j, first, count);
      VectorFunctions.tanh(memory, cell + j, second, count);
      VectorFunctions.multiply(first, 0, second, first, 0, count);
      if (rounds) {
        VectorFunctions.round(first, 0, memory, target + j, count);
      } else {
        VectorFunctions.canonical(first, 0, memory, target + j, count);
      }
    }
    scalar.lstmHidden(memory, target + whole, o + whole, cell + whole, lanes - whole);
  }
}
