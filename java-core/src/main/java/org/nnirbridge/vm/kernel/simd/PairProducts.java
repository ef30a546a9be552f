package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of products with lanes = independent sums, so that each keeps its order.
 *
 * <p>Each method is one loop over the inputs with its sums in registers: the JIT compiler keeps
 * vectors there only if nothing but that loop lies between their first and last use.
 */
final class PairProducts {
  private static final VectorSpecies<Float> FLOATS = Loops.FLOATS;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  private PairProducts() {}

  private static FloatVector load(float[] values, int offset) {
    return FloatVector.fromArray(FLOATS, values, offset);
  }

  /** The weights of even inputs. */
  private static FloatVector even(IntVector pairs) {
    return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /** The weights of odd inputs. */
  private static FloatVector odd(IntVector pairs) {
    return pairs.and(0xFFFF0000).reinterpretAsFloats();
  }

  /** All sums of one stream. */
  static void add(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights) {
    int j = 0;
    for (; j + 8 * LANES <= width; j += 8 * LANES) {
      addEight(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
    for (; j + 4 * LANES <= width; j += 4 * LANES) {
      addFour(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
    for (; j + 2 * LANES <= width; j += 2 * LANES) {
      addTwo(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
    for (; j + LANES <= width; j += LANES) {
      addOne(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
  }

  /** How many streams one call of {@link #addStreams} takes. */
  static final int STREAMS = 4;

  /** All sums of {@link #STREAMS} streams, whose places lie {@code stride} apart. */
  static void addStreams(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights,
      int stride) {
    int j = 0;
    for (; j + 2 * LANES <= width; j += 2 * LANES) {
      addTwoOfFour(memory, sums + j, start + j, width, source, inputs, pairs, weights + j, stride);
    }
    for (; j < width; j += LANES) {
      addOneOfFour(memory, sums + j, start + j, width, source, inputs, pairs, weights + j, stride);
    }
    if (inputs % 2 != 0) {
      int last = weights + inputs / 2 * width;
      for (int base = 0; base < STREAMS * stride; base += stride) {
        addLast(memory, sums + base, width, source + base + inputs - 1, pairs, last);
      }
    }
  }

  /** The last of an odd number of inputs. */
  private static void addLast(
      float[] memory, int sums, int width, int source, int[] pairs, int weights) {
    FloatVector x = FloatVector.broadcast(FLOATS, memory[source]);
    for (int j = 0; j < width; j += LANES) {
      FloatVector weight = even(IntVector.fromArray(INTS, pairs, weights + j));
      weight.fma(x, load(memory, sums + j)).intoArray(memory, sums + j);
    }
  }

  private static void addEight(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
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
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      FloatVector y = FloatVector.broadcast(FLOATS, memory[k + 1]);
      IntVector aa = IntVector.fromArray(INTS, pairs, w);
      IntVector bb = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector cc = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector dd = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      IntVector ee = IntVector.fromArray(INTS, pairs, w + 4 * LANES);
      IntVector ff = IntVector.fromArray(INTS, pairs, w + 5 * LANES);
      IntVector gg = IntVector.fromArray(INTS, pairs, w + 6 * LANES);
      IntVector hh = IntVector.fromArray(INTS, pairs, w + 7 * LANES);
      a = even(aa).fma(x, a);
      b = even(bb).fma(x, b);
      c = even(cc).fma(x, c);
      d = even(dd).fma(x, d);
      e = even(ee).fma(x, e);
      f = even(ff).fma(x, f);
      g = even(gg).fma(x, g);
      h = even(hh).fma(x, h);
      a = odd(aa).fma(y, a);
      b = odd(bb).fma(y, b);
      c = odd(cc).fma(y, c);
      d = odd(dd).fma(y, d);
      e = odd(ee).fma(y, e);
      f = odd(ff).fma(y, f);
      g = odd(gg).fma(y, g);
      h = odd(hh).fma(y, h);
    }
    if (k == end) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = even(IntVector.fromArray(INTS, pairs, w)).fma(x, a);
      b = even(IntVector.fromArray(INTS, pairs, w + LANES)).fma(x, b);
      c = even(IntVector.fromArray(INTS, pairs, w + 2 * LANES)).fma(x, c);
      d = even(IntVector.fromArray(INTS, pairs, w + 3 * LANES)).fma(x, d);
      e = even(IntVector.fromArray(INTS, pairs, w + 4 * LANES)).fma(x, e);
      f = even(IntVector.fromArray(INTS, pairs, w + 5 * LANES)).fma(x, f);
      g = even(IntVector.fromArray(INTS, pairs, w + 6 * LANES)).fma(x, g);
      h = even(IntVector.fromArray(INTS, pairs, w + 7 * LANES)).fma(x, h);
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
      int[] pairs,
      int weights) {
    FloatVector a = load(memory, start);
    FloatVector b = load(memory, start + LANES);
    FloatVector c = load(memory, start + 2 * LANES);
    FloatVector d = load(memory, start + 3 * LANES);
    int w = weights;
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      FloatVector y = FloatVector.broadcast(FLOATS, memory[k + 1]);
      IntVector aa = IntVector.fromArray(INTS, pairs, w);
      IntVector bb = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector cc = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector dd = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      a = even(aa).fma(x, a);
      b = even(bb).fma(x, b);
      c = even(cc).fma(x, c);
      d = even(dd).fma(x, d);
      a = odd(aa).fma(y, a);
      b = odd(bb).fma(y, b);
      c = odd(cc).fma(y, c);
      d = odd(dd).fma(y, d);
    }
    if (k == end) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = even(IntVector.fromArray(INTS, pairs, w)).fma(x, a);
      b = even(IntVector.fromArray(INTS, pairs, w + LANES)).fma(x, b);
      c = even(IntVector.fromArray(INTS, pairs, w + 2 * LANES)).fma(x, c);
      d = even(IntVector.fromArray(INTS, pairs, w + 3 * LANES)).fma(x, d);
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
      int[] pairs,
      int weights) {
    FloatVector a = load(memory, start);
    FloatVector b = load(memory, start + LANES);
    int w = weights;
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      FloatVector y = FloatVector.broadcast(FLOATS, memory[k + 1]);
      IntVector aa = IntVector.fromArray(INTS, pairs, w);
      IntVector bb = IntVector.fromArray(INTS, pairs, w + LANES);
      a = even(aa).fma(x, a);
      b = even(bb).fma(x, b);
      a = odd(aa).fma(y, a);
      b = odd(bb).fma(y, b);
    }
    if (k == end) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = even(IntVector.fromArray(INTS, pairs, w)).fma(x, a);
      b = even(IntVector.fromArray(INTS, pairs, w + LANES)).fma(x, b);
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
      int[] pairs,
      int weights) {
    FloatVector a = load(memory, start);
    int w = weights;
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      FloatVector y = FloatVector.broadcast(FLOATS, memory[k + 1]);
      IntVector aa = IntVector.fromArray(INTS, pairs, w);
      a = even(aa).fma(x, a);
      a = odd(aa).fma(y, a);
    }
    if (k == end) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      a = even(IntVector.fromArray(INTS, pairs, w)).fma(x, a);
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
      int[] pairs,
      int weights,
      int stride) {
    FloatVector a0 = load(memory, start);
    FloatVector b0 = load(memory, start + LANES);
    FloatVector a1 = load(memory, start + stride);
    FloatVector b1 = load(memory, start + stride + LANES);
    FloatVector a2 = load(memory, start + 2 * stride);
    FloatVector b2 = load(memory, start + 2 * stride + LANES);
    FloatVector a3 = load(memory, start + 3 * stride);
    FloatVector b3 = load(memory, start + 3 * stride + LANES);
    int w = weights;
    int end = source + inputs - 1;
    for (int k = source; k < end; k += 2, w += width) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      FloatVector aEven = even(a);
      FloatVector bEven = even(b);
      FloatVector x0Even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aEven.fma(x0Even, a0);
      b0 = bEven.fma(x0Even, b0);
      FloatVector x1Even = FloatVector.broadcast(FLOATS, memory[k + stride]);
      a1 = aEven.fma(x1Even, a1);
      b1 = bEven.fma(x1Even, b1);
      FloatVector x2Even = FloatVector.broadcast(FLOATS, memory[k + 2 * stride]);
      a2 = aEven.fma(x2Even, a2);
      b2 = bEven.fma(x2Even, b2);
      FloatVector x3Even = FloatVector.broadcast(FLOATS, memory[k + 3 * stride]);
      a3 = aEven.fma(x3Even, a3);
      b3 = bEven.fma(x3Even, b3);
      FloatVector aOdd = odd(a);
      FloatVector bOdd = odd(b);
      FloatVector x0Odd = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aOdd.fma(x0Odd, a0);
      b0 = bOdd.fma(x0Odd, b0);
      FloatVector x1Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + stride]);
      a1 = aOdd.fma(x1Odd, a1);
      b1 = bOdd.fma(x1Odd, b1);
      FloatVector x2Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 2 * stride]);
      a2 = aOdd.fma(x2Odd, a2);
      b2 = bOdd.fma(x2Odd, b2);
      FloatVector x3Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 3 * stride]);
      a3 = aOdd.fma(x3Odd, a3);
      b3 = bOdd.fma(x3Odd, b3);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    a1.intoArray(memory, sums + stride);
    b1.intoArray(memory, sums + stride + LANES);
    a2.intoArray(memory, sums + 2 * stride);
    b2.intoArray(memory, sums + 2 * stride + LANES);
    a3.intoArray(memory, sums + 3 * stride);
    b3.intoArray(memory, sums + 3 * stride + LANES);
  }

  private static void addOneOfFour(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights,
      int stride) {
    FloatVector a0 = load(memory, start);
    FloatVector a1 = load(memory, start + stride);
    FloatVector a2 = load(memory, start + 2 * stride);
    FloatVector a3 = load(memory, start + 3 * stride);
    int w = weights;
    int end = source + inputs - 1;
    for (int k = source; k < end; k += 2, w += width) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      FloatVector aEven = even(a);
      FloatVector x0Even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aEven.fma(x0Even, a0);
      FloatVector x1Even = FloatVector.broadcast(FLOATS, memory[k + stride]);
      a1 = aEven.fma(x1Even, a1);
      FloatVector x2Even = FloatVector.broadcast(FLOATS, memory[k + 2 * stride]);
      a2 = aEven.fma(x2Even, a2);
      FloatVector x3Even = FloatVector.broadcast(FLOATS, memory[k + 3 * stride]);
      a3 = aEven.fma(x3Even, a3);
      FloatVector aOdd = odd(a);
      FloatVector x0Odd = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aOdd.fma(x0Odd, a0);
      FloatVector x1Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + stride]);
      a1 = aOdd.fma(x1Odd, a1);
      FloatVector x2Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 2 * stride]);
      a2 = aOdd.fma(x2Odd, a2);
      FloatVector x3Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 3 * stride]);
      a3 = aOdd.fma(x3Odd, a3);
    }
    a0.intoArray(memory, sums);
    a1.intoArray(memory, sums + stride);
    a2.intoArray(memory, sums + 2 * stride);
    a3.intoArray(memory, sums + 3 * stride);
  }
}
