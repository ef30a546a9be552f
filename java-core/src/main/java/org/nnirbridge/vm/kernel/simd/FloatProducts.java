package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of products with lanes = independent sums, so that each keeps its order.
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

  /** All sums of one stream. */
  static void add(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights) {
    int j = 0;
    for (; j + 8 * LANES <= width; j += 8 * LANES) {
      addEight(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
    for (; j + 4 * LANES <= width; j += 4 * LANES) {
      addFour(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
    for (; j + 2 * LANES <= width; j += 2 * LANES) {
      addTwo(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
    for (; j + LANES <= width; j += LANES) {
      addOne(memory, sums + j, start + j, width, source, inputs, floats, weights + j);
    }
  }

  private static void addEight(
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
    FloatVector e = load(memory, start + 4 * LANES);
    FloatVector f = load(memory, start + 5 * LANES);
    FloatVector g = load(memory, start + 6 * LANES);
    FloatVector h = load(memory, start + 7 * LANES);
    int w = weights;
    int end = source + inputs;
    for (int k = source; k < end; k++, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = load(floats, w).fma(x, a);
      b = load(floats, w + LANES).fma(x, b);
      c = load(floats, w + 2 * LANES).fma(x, c);
      d = load(floats, w + 3 * LANES).fma(x, d);
      e = load(floats, w + 4 * LANES).fma(x, e);
      f = load(floats, w + 5 * LANES).fma(x, f);
      g = load(floats, w + 6 * LANES).fma(x, g);
      h = load(floats, w + 7 * LANES).fma(x, h);
    }
    a.intoArray(memory, sums);
    b.intoArray(memory, sums + LANES);
    c.intoArray(memory, sums + 2 * LANES);
    d.intoArray(memory, sums + 3 * LANES);
    e.intoArray(memory, sums + 4 * LANES);
    f.intoArray(memory, sums + 5 * LANES);
    g.intoArray(memory, sums + 6 * LANES);
    h.intoArray(memory, sums + 7 * LANES);
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
}
