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
  static final int STREAMS = LANES >= 16 ? 4 : 2;

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
    for (; j + 4 * LANES <= width; j += 4 * LANES) {
      if (STREAMS == 4) {
        addFourOfFour(
            memory, sums + j, start + j, width, source, inputs, pairs, weights + j, stride);
      } else {
        addFourOfTwo(
            memory, sums + j, start + j, width, source, inputs, pairs, weights + j, stride);
      }
    }
    for (; j + LANES <= width; j += LANES) {
      for (int base = 0; base < STREAMS * stride; base += stride) {
        addOne(
            memory,
            sums + j + base,
            start + j + base,
            width,
            source + base,
            inputs,
            pairs,
            weights + j);
      }
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

  private static void addFourOfFour(
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
    FloatVector c0 = load(memory, start + 2 * LANES);
    FloatVector d0 = load(memory, start + 3 * LANES);
    FloatVector a1 = load(memory, start + stride);
    FloatVector b1 = load(memory, start + stride + LANES);
    FloatVector c1 = load(memory, start + stride + 2 * LANES);
    FloatVector d1 = load(memory, start + stride + 3 * LANES);
    FloatVector a2 = load(memory, start + 2 * stride);
    FloatVector b2 = load(memory, start + 2 * stride + LANES);
    FloatVector c2 = load(memory, start + 2 * stride + 2 * LANES);
    FloatVector d2 = load(memory, start + 2 * stride + 3 * LANES);
    FloatVector a3 = load(memory, start + 3 * stride);
    FloatVector b3 = load(memory, start + 3 * stride + LANES);
    FloatVector c3 = load(memory, start + 3 * stride + 2 * LANES);
    FloatVector d3 = load(memory, start + 3 * stride + 3 * LANES);
    int w = weights;
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += width) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector c = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector d = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      FloatVector aeven = even(a);
      FloatVector beven = even(b);
      FloatVector ceven = even(c);
      FloatVector deven = even(d);
      FloatVector x0even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aeven.fma(x0even, a0);
      b0 = beven.fma(x0even, b0);
      c0 = ceven.fma(x0even, c0);
      d0 = deven.fma(x0even, d0);
      FloatVector x1even = FloatVector.broadcast(FLOATS, memory[k + stride]);
      a1 = aeven.fma(x1even, a1);
      b1 = beven.fma(x1even, b1);
      c1 = ceven.fma(x1even, c1);
      d1 = deven.fma(x1even, d1);
      FloatVector x2even = FloatVector.broadcast(FLOATS, memory[k + 2 * stride]);
      a2 = aeven.fma(x2even, a2);
      b2 = beven.fma(x2even, b2);
      c2 = ceven.fma(x2even, c2);
      d2 = deven.fma(x2even, d2);
      FloatVector x3even = FloatVector.broadcast(FLOATS, memory[k + 3 * stride]);
      a3 = aeven.fma(x3even, a3);
      b3 = beven.fma(x3even, b3);
      c3 = ceven.fma(x3even, c3);
      d3 = deven.fma(x3even, d3);
      FloatVector aodd = odd(a);
      FloatVector bodd = odd(b);
      FloatVector codd = odd(c);
      FloatVector dodd = odd(d);
      FloatVector x0odd = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aodd.fma(x0odd, a0);
      b0 = bodd.fma(x0odd, b0);
      c0 = codd.fma(x0odd, c0);
      d0 = dodd.fma(x0odd, d0);
      FloatVector x1odd = FloatVector.broadcast(FLOATS, memory[k + 1 + stride]);
      a1 = aodd.fma(x1odd, a1);
      b1 = bodd.fma(x1odd, b1);
      c1 = codd.fma(x1odd, c1);
      d1 = dodd.fma(x1odd, d1);
      FloatVector x2odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 2 * stride]);
      a2 = aodd.fma(x2odd, a2);
      b2 = bodd.fma(x2odd, b2);
      c2 = codd.fma(x2odd, c2);
      d2 = dodd.fma(x2odd, d2);
      FloatVector x3odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 3 * stride]);
      a3 = aodd.fma(x3odd, a3);
      b3 = bodd.fma(x3odd, b3);
      c3 = codd.fma(x3odd, c3);
      d3 = dodd.fma(x3odd, d3);
    }
    if (k == end) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector c = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector d = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      FloatVector aeven = even(a);
      FloatVector beven = even(b);
      FloatVector ceven = even(c);
      FloatVector deven = even(d);
      FloatVector x0even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aeven.fma(x0even, a0);
      b0 = beven.fma(x0even, b0);
      c0 = ceven.fma(x0even, c0);
      d0 = deven.fma(x0even, d0);
      FloatVector x1even = FloatVector.broadcast(FLOATS, memory[k + stride]);
      a1 = aeven.fma(x1even, a1);
      b1 = beven.fma(x1even, b1);
      c1 = ceven.fma(x1even, c1);
      d1 = deven.fma(x1even, d1);
      FloatVector x2even = FloatVector.broadcast(FLOATS, memory[k + 2 * stride]);
      a2 = aeven.fma(x2even, a2);
      b2 = beven.fma(x2even, b2);
      c2 = ceven.fma(x2even, c2);
      d2 = deven.fma(x2even, d2);
      FloatVector x3even = FloatVector.broadcast(FLOATS, memory[k + 3 * stride]);
      a3 = aeven.fma(x3even, a3);
      b3 = beven.fma(x3even, b3);
      c3 = ceven.fma(x3even, c3);
      d3 = deven.fma(x3even, d3);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    c0.intoArray(memory, sums + 2 * LANES);
    d0.intoArray(memory, sums + 3 * LANES);
    a1.intoArray(memory, sums + stride);
    b1.intoArray(memory, sums + stride + LANES);
    c1.intoArray(memory, sums + stride + 2 * LANES);
    d1.intoArray(memory, sums + stride + 3 * LANES);
    a2.intoArray(memory, sums + 2 * stride);
    b2.intoArray(memory, sums + 2 * stride + LANES);
    c2.intoArray(memory, sums + 2 * stride + 2 * LANES);
    d2.intoArray(memory, sums + 2 * stride + 3 * LANES);
    a3.intoArray(memory, sums + 3 * stride);
    b3.intoArray(memory, sums + 3 * stride + LANES);
    c3.intoArray(memory, sums + 3 * stride + 2 * LANES);
    d3.intoArray(memory, sums + 3 * stride + 3 * LANES);
  }

  private static void addFourOfTwo(
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
    FloatVector c0 = load(memory, start + 2 * LANES);
    FloatVector d0 = load(memory, start + 3 * LANES);
    FloatVector a1 = load(memory, start + stride);
    FloatVector b1 = load(memory, start + stride + LANES);
    FloatVector c1 = load(memory, start + stride + 2 * LANES);
    FloatVector d1 = load(memory, start + stride + 3 * LANES);
    int w = weights;
    int end = source + inputs - 1;
    int k = source;
    for (; k < end; k += 2, w += width) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector c = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector d = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      FloatVector aeven = even(a);
      FloatVector beven = even(b);
      FloatVector ceven = even(c);
      FloatVector deven = even(d);
      FloatVector x0even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aeven.fma(x0even, a0);
      b0 = beven.fma(x0even, b0);
      c0 = ceven.fma(x0even, c0);
      d0 = deven.fma(x0even, d0);
      FloatVector x1even = FloatVector.broadcast(FLOATS, memory[k + stride]);
      a1 = aeven.fma(x1even, a1);
      b1 = beven.fma(x1even, b1);
      c1 = ceven.fma(x1even, c1);
      d1 = deven.fma(x1even, d1);
      FloatVector aodd = odd(a);
      FloatVector bodd = odd(b);
      FloatVector codd = odd(c);
      FloatVector dodd = odd(d);
      FloatVector x0odd = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aodd.fma(x0odd, a0);
      b0 = bodd.fma(x0odd, b0);
      c0 = codd.fma(x0odd, c0);
      d0 = dodd.fma(x0odd, d0);
      FloatVector x1odd = FloatVector.broadcast(FLOATS, memory[k + 1 + stride]);
      a1 = aodd.fma(x1odd, a1);
      b1 = bodd.fma(x1odd, b1);
      c1 = codd.fma(x1odd, c1);
      d1 = dodd.fma(x1odd, d1);
    }
    if (k == end) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector c = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector d = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      FloatVector aeven = even(a);
      FloatVector beven = even(b);
      FloatVector ceven = even(c);
      FloatVector deven = even(d);
      FloatVector x0even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aeven.fma(x0even, a0);
      b0 = beven.fma(x0even, b0);
      c0 = ceven.fma(x0even, c0);
      d0 = deven.fma(x0even, d0);
      FloatVector x1even = FloatVector.broadcast(FLOATS, memory[k + stride]);
      a1 = aeven.fma(x1even, a1);
      b1 = beven.fma(x1even, b1);
      c1 = ceven.fma(x1even, c1);
      d1 = deven.fma(x1even, d1);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    c0.intoArray(memory, sums + 2 * LANES);
    d0.intoArray(memory, sums + 3 * LANES);
    a1.intoArray(memory, sums + stride);
    b1.intoArray(memory, sums + stride + LANES);
    c1.intoArray(memory, sums + stride + 2 * LANES);
    d1.intoArray(memory, sums + stride + 3 * LANES);
  }
}
