package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.vm.kernel.Kernels;
import org.nnirbridge.vm.kernel.ScalarKernels;

/**
 * Products, stores and LSTM units in SIMD; everything else is scalar. Lanes are independent
 * outputs, so each sum keeps the order of {@link ScalarKernels} and with it every bit.
 */
public final class VectorKernels implements Kernels {
  private static final VectorSpecies<Float> SPECIES = VectorFunctions.FLOATS;
  private static final int LANES = SPECIES.length();

  private final int blockSize;
  private final ScalarKernels scalar;
  private final boolean rounds;
  private final boolean wholeVectors;
  private final float[] first;
  private final float[] second;
  private final float[] third;

  public VectorKernels(int blockSize, boolean rounds, ScalarKernels scalar) {
    this.blockSize = blockSize;
    this.rounds = rounds;
    this.scalar = scalar;
    this.wholeVectors = blockSize % LANES == 0;
    this.first = new float[blockSize];
    this.second = new float[blockSize];
    this.third = new float[blockSize];
  }

  private static FloatVector load(float[] memory, int offset) {
    return FloatVector.fromArray(SPECIES, memory, offset);
  }

  private void round(NumberFormat format, float[] from, int source, float[] to, int target) {
    boolean bf16 = rounds && format == NumberFormat.BF16;
    VectorFunctions.round(bf16, from, source, to, target, blockSize);
  }

  @Override
  public void matVec(
      float[] memory, int accumulator, float[] weights, int weight, int source, int inputs) {
    int j = 0;
    for (; j + 4 * LANES <= blockSize; j += 4 * LANES) {
      addFour(memory, accumulator + j, weights, weight + j, source, inputs);
    }
    for (; j + 2 * LANES <= blockSize; j += 2 * LANES) {
      addTwo(memory, accumulator + j, weights, weight + j, source, inputs);
    }
    for (; j + LANES <= blockSize; j += LANES) {
      addOne(memory, accumulator + j, weights, weight + j, source, inputs);
    }
    scalar.matVecLanes(memory, accumulator, weights, weight, source, inputs, j);
  }

  private void addFour(
      float[] memory, int accumulator, float[] weights, int weight, int source, int inputs) {
    FloatVector a = FloatVector.fromArray(SPECIES, memory, accumulator);
    FloatVector b = FloatVector.fromArray(SPECIES, memory, accumulator + LANES);
    FloatVector c = FloatVector.fromArray(SPECIES, memory, accumulator + 2 * LANES);
    FloatVector d = FloatVector.fromArray(SPECIES, memory, accumulator + 3 * LANES);
    int w = weight;
    for (int k = 0; k < inputs; k++, w += blockSize) {
      FloatVector x = FloatVector.broadcast(SPECIES, memory[source + k]);
      a = FloatVector.fromArray(SPECIES, weights, w).fma(x, a);
      b = FloatVector.fromArray(SPECIES, weights, w + LANES).fma(x, b);
      c = FloatVector.fromArray(SPECIES, weights, w + 2 * LANES).fma(x, c);
      d = FloatVector.fromArray(SPECIES, weights, w + 3 * LANES).fma(x, d);
    }
    a.intoArray(memory, accumulator);
    b.intoArray(memory, accumulator + LANES);
    c.intoArray(memory, accumulator + 2 * LANES);
    d.intoArray(memory, accumulator + 3 * LANES);
  }

  private void addTwo(
      float[] memory, int accumulator, float[] weights, int weight, int source, int inputs) {
    FloatVector a = FloatVector.fromArray(SPECIES, memory, accumulator);
    FloatVector b = FloatVector.fromArray(SPECIES, memory, accumulator + LANES);
    int w = weight;
    for (int k = 0; k < inputs; k++, w += blockSize) {
      FloatVector x = FloatVector.broadcast(SPECIES, memory[source + k]);
      a = FloatVector.fromArray(SPECIES, weights, w).fma(x, a);
      b = FloatVector.fromArray(SPECIES, weights, w + LANES).fma(x, b);
    }
    a.intoArray(memory, accumulator);
    b.intoArray(memory, accumulator + LANES);
  }

  private void addOne(
      float[] memory, int accumulator, float[] weights, int weight, int source, int inputs) {
    FloatVector a = FloatVector.fromArray(SPECIES, memory, accumulator);
    int w = weight;
    for (int k = 0; k < inputs; k++, w += blockSize) {
      FloatVector x = FloatVector.broadcast(SPECIES, memory[source + k]);
      a = FloatVector.fromArray(SPECIES, weights, w).fma(x, a);
    }
    a.intoArray(memory, accumulator);
  }

  @Override
  public void store(float[] memory, int target, int accumulator, NumberFormat format) {
    if (!wholeVectors) {
      scalar.store(memory, target, accumulator, format);
      return;
    }
    round(format, memory, accumulator, memory, target);
  }

  @Override
  public void bound(
      float[] memory, int target, int source, float minimum, float maximum, NumberFormat format) {
    scalar.bound(memory, target, source, minimum, maximum, format);
  }

  @Override
  public void map(
      float[] memory, int target, int source, UnaryFunction function, NumberFormat format) {
    if (!wholeVectors || !isVectorized(function)) {
      scalar.map(memory, target, source, function, format);
      return;
    }
    apply(function, memory, source);
    round(format, first, 0, memory, target);
  }

  private static boolean isVectorized(UnaryFunction function) {
    return switch (function) {
      case EXP, TANH, SIGMOID, SILU -> true;
      case IDENTITY, NEG, ABS, SQRT, RSQRT, RECIPROCAL -> false;
    };
  }

  /** Leaves a function of a block in {@link #first}. */
  private void apply(UnaryFunction function, float[] memory, int source) {
    switch (function) {
      case EXP -> VectorFunctions.exp(memory, source, first, 0, blockSize);
      case TANH -> VectorFunctions.tanh(memory, source, first, 0, blockSize);
      case SIGMOID -> VectorFunctions.sigmoid(memory, source, first, 0, blockSize);
      case SILU -> {
        VectorFunctions.sigmoid(memory, source, first, 0, blockSize);
        for (int j = 0; j < blockSize; j += LANES) {
          load(memory, source + j).mul(load(first, j)).intoArray(first, j);
        }
      }
      case IDENTITY, NEG, ABS, SQRT, RSQRT, RECIPROCAL ->
          throw new IllegalArgumentException(function + " is scalar here");
    }
  }

  @Override
  public void zip(
      float[] memory, int target, int a, int b, BinaryFunction function, NumberFormat format) {
    scalar.zip(memory, target, a, b, function, format);
  }

  @Override
  public void multiplyAdd(float[] memory, int target, int sum, int a, int b, NumberFormat format) {
    scalar.multiplyAdd(memory, target, sum, a, b, format);
  }

  @Override
  public void lstmCell(float[] memory, int target, int i, int f, int g, int cell) {
    if (!wholeVectors) {
      scalar.lstmCell(memory, target, i, f, g, cell);
      return;
    }
    VectorFunctions.sigmoid(memory, i, first, 0, blockSize);
    VectorFunctions.tanh(memory, g, second, 0, blockSize);
    VectorFunctions.sigmoid(memory, f, third, 0, blockSize);
    for (int j = 0; j < blockSize; j += LANES) {
      FloatVector update = load(first, j).mul(load(second, j));
      FloatVector next = load(third, j).fma(load(memory, cell + j), update);
      VectorFunctions.canonical(next).intoArray(memory, target + j);
    }
  }

  @Override
  public void lstmHidden(float[] memory, int target, int o, int cell) {
    if (!wholeVectors) {
      scalar.lstmHidden(memory, target, o, cell);
      return;
    }
    VectorFunctions.sigmoid(memory, o, first, 0, blockSize);
    VectorFunctions.tanh(memory, cell, second, 0, blockSize);
    for (int j = 0; j < blockSize; j += LANES) {
      load(first, j).mul(load(second, j)).intoArray(first, j);
    }
    round(NumberFormat.BF16, first, 0, memory, target);
  }
}
