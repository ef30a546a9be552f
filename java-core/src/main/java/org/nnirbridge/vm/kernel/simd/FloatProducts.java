package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of products with float32 weights, with lanes = independent sums, so that each keeps its
 * order.
 *
 * <p>Each method is one loop over the inputs with its sums in registers: the JIT compiler keeps
 * vectors there only if nothing but that loop lies between their first and last use.
 */
final class FloatProducts {
  private static final VectorSpecies<Float> FLOATS = Loops.FLOATS;
  private static final int LANES = FLOATS.length();

  private FloatProducts() {}

  private static FloatVector load(float[] values, int offset) {
    return FloatVector.fromArray(FLOATS, values, offset);
  }

  /** Sums on {@code lanes} of the width. */
  private static void add(
      float[] memory,
      int sums,
      int start,
      int lanes,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights) {
    int j = 0;
    for (; j + 4 * LANES <= lanes; j += 4 * LANES) {
      addFour(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
    for (; j + 2 * LANES <= lanes; j += 2 * LANES) {
      addTwo(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
    for (; j + LANES <= lanes; j += LANES) {
      addOne(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
  }

  /** All sums, as often as is asked for on places that lie strides apart. */
  static void addAll(
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
    int whole = width / (2 * LANES) * (2 * LANES);
    int done = 0;
    for (; weightsStride == 0 && done + 4 <= times; done += 4) {
      for (int j = 0; j < whole; j += 2 * LANES) {
        addTwoOfFour(
            memory,
            sums + done * sumsStride + j,
            start + done * startStride + j,
            width,
            source + done * sourceStride,
            inputs,
            floats,
            weights + j,
            sumsStride,
            startStride,
            sourceStride);
      }
    }
    for (int i = 0; i < times; i++) {
      int from = i < done ? whole : 0;
      add(
          memory,
          sums + i * sumsStride + from,
          start + i * startStride + from,
          width - from,
          width,
          source + i * sourceStride,
          inputs,
          floats,
          weights + i * weightsStride + from);
    }
  }

  private static void addFour(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights) {
    FloatVector a = load(memory, start);
    FloatVector b = load(memory, start + LANES);
    FloatVector c = load(memory, start + 2 * LANES);
    FloatVector d = load(memory, start + 3 * LANES);
    int w = weights;
    int end = source + inputs;
    for (int k = source; k < end; k++, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = load(floats, w).fma(x, a);
      b = load(floats, w + LANES).fma(x, b);
      c = load(floats, w + 2 * LANES).fma(x, c);
      d = load(floats, w + 3 * LANES).fma(x, d);
    }
    a.intoArray(memory, sums);
    b.intoArray(memory, sums + LANES);
    c.intoArray(memory, sums + 2 * LANES);
    d.intoArray(memory, sums + 3 * LANES);
  }

  private static void addTwo(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights) {
    FloatVector a = load(memory, start);
    FloatVector b = load(memory, start + LANES);
    int w = weights;
    int end = source + inputs;
    for (int k = source; k < end; k++, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = load(floats, w).fma(x, a);
      b = load(floats, w + LANES).fma(x, b);
    }
    a.intoArray(memory, sums);
    b.intoArray(memory, sums + LANES);
  }

  private static void addOne(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights) {
    FloatVector a = load(memory, start);
    int w = weights;
    int end = source + inputs;
    for (int k = source; k < end; k++, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = load(floats, w).fma(x, a);
    }
    a.intoArray(memory, sums);
  }

  private static void addTwoOfFour(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights,
      int sumsStride,
      int startStride,
      int sourceStride) {
    FloatVector a0 = load(memory, start);
    FloatVector b0 = load(memory, start + LANES);
    FloatVector a1 = load(memory, start + startStride);
    FloatVector b1 = load(memory, start + startStride + LANES);
    FloatVector a2 = load(memory, start + 2 * startStride);
    FloatVector b2 = load(memory, start + 2 * startStride + LANES);
    FloatVector a3 = load(memory, start + 3 * startStride);
    FloatVector b3 = load(memory, start + 3 * startStride + LANES);
    int w = weights;
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += 2 * width) {
      FloatVector a = FloatVector.fromArray(FLOATS, floats, w);
      FloatVector b = FloatVector.fromArray(FLOATS, floats, w + LANES);
      FloatVector x0 = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = a.fma(x0, a0);
      b0 = b.fma(x0, b0);
      FloatVector x1 = FloatVector.broadcast(FLOATS, memory[k + sourceStride]);
      a1 = a.fma(x1, a1);
      b1 = b.fma(x1, b1);
      FloatVector x2 = FloatVector.broadcast(FLOATS, memory[k + 2 * sourceStride]);
      a2 = a.fma(x2, a2);
      b2 = b.fma(x2, b2);
      FloatVector x3 = FloatVector.broadcast(FLOATS, memory[k + 3 * sourceStride]);
      a3 = a.fma(x3, a3);
      b3 = b.fma(x3, b3);
      FloatVector aNext = FloatVector.fromArray(FLOATS, floats, w + width);
      FloatVector bNext = FloatVector.fromArray(FLOATS, floats, w + width + LANES);
      FloatVector x0Next = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aNext.fma(x0Next, a0);
      b0 = bNext.fma(x0Next, b0);
      FloatVector x1Next = FloatVector.broadcast(FLOATS, memory[k + 1 + sourceStride]);
      a1 = aNext.fma(x1Next, a1);
      b1 = bNext.fma(x1Next, b1);
      FloatVector x2Next = FloatVector.broadcast(FLOATS, memory[k + 1 + 2 * sourceStride]);
      a2 = aNext.fma(x2Next, a2);
      b2 = bNext.fma(x2Next, b2);
      FloatVector x3Next = FloatVector.broadcast(FLOATS, memory[k + 1 + 3 * sourceStride]);
      a3 = aNext.fma(x3Next, a3);
      b3 = bNext.fma(x3Next, b3);
    }
    if (k == end) {
      FloatVector a = FloatVector.fromArray(FLOATS, floats, w);
      FloatVector b = FloatVector.fromArray(FLOATS, floats, w + LANES);
      FloatVector x0 = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = a.fma(x0, a0);
      b0 = b.fma(x0, b0);
      FloatVector x1 = FloatVector.broadcast(FLOATS, memory[k + sourceStride]);
      a1 = a.fma(x1, a1);
      b1 = b.fma(x1, b1);
      FloatVector x2 = FloatVector.broadcast(FLOATS, memory[k + 2 * sourceStride]);
      a2 = a.fma(x2, a2);
      b2 = b.fma(x2, b2);
      FloatVector x3 = FloatVector.broadcast(FLOATS, memory[k + 3 * sourceStride]);
      a3 = a.fma(x3, a3);
      b3 = b.fma(x3, b3);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    a1.intoArray(memory, sums + sumsStride);
    b1.intoArray(memory, sums + sumsStride + LANES);
    a2.intoArray(memory, sums + 2 * sumsStride);
    b2.intoArray(memory, sums + 2 * sumsStride + LANES);
    a3.intoArray(memory, sums + 3 * sumsStride);
    b3.intoArray(memory, sums + 3 * sumsStride + LANES);
  }
}
