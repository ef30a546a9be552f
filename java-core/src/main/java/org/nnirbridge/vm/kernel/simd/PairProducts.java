package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of products with weights in {@link org.nnirbridge.vm.kernel.Packing#PAIRS}, with lanes =
 * independent sums, so that each keeps its order.
 *
 * <p>Each method is one loop over the inputs with its sums in registers: the JIT compiler keeps
 * vectors there only if nothing but that loop lies between their first and last use.
 */
final class PairProducts {
  private static final VectorSpecies<Float> FLOATS = Loops.FLOATS;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final int LANES = FLOATS.length();

  /** A processor with such vectors has 32 registers for them, others may have 16. */
  private static final boolean MANY_REGISTERS = FLOATS.vectorBitSize() >= 512;

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

  /** All sums of streams whose places lie {@code stride} apart. */
  static void addStreams(
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
    int whole = width / (2 * LANES) * (2 * LANES);
    int stream = 0;
    for (; MANY_REGISTERS && stream + 6 <= streams; stream += 6) {
      int base = stream * stride;
      for (int j = 0; j < whole; j += 2 * LANES) {
        addTwoOfSix(
            memory,
            base + sums + j,
            base + start + j,
            width,
            base + source,
            inputs,
            pairs,
            weights + j,
            stride);
      }
    }
    for (; stream + 4 <= streams; stream += 4) {
      int base = stream * stride;
      for (int j = 0; j < whole; j += 2 * LANES) {
        addTwoOfFour(
            memory,
            base + sums + j,
            base + start + j,
            width,
            base + source,
            inputs,
            pairs,
            weights + j,
            stride);
      }
    }
    int last = weights + inputs / 2 * width;
    for (int other = 0; other < streams; other++) {
      int base = other * stride;
      int from = other < stream ? whole : 0;
      add(
          memory,
          base + sums + from,
          base + start + from,
          width - from,
          width,
          base + source,
          inputs,
          pairs,
          weights + from);
      if (inputs % 2 != 0) {
        addLast(memory, base + sums, from, base + source + inputs - 1, pairs, last);
      }
    }
  }

  /** The last of an odd number of inputs. */
  private static void addLast(
      float[] memory, int sums, int lanes, int source, int[] pairs, int weights) {
    FloatVector x = FloatVector.broadcast(FLOATS, memory[source]);
    for (int j = 0; j < lanes; j += LANES) {
      FloatVector weight = even(IntVector.fromArray(INTS, pairs, weights + j));
      weight.fma(x, load(memory, sums + j)).intoArray(memory, sums + j);
    }
  }

  /** Sums of one stream, on {@code lanes} of the width. */
  private static void add(
      float[] memory,
      int sums,
      int start,
      int lanes,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights) {
    int j = 0;
    for (; j + 4 * LANES <= lanes; j += 4 * LANES) {
      addFour(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
    for (; j + 2 * LANES <= lanes; j += 2 * LANES) {
      addTwo(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
    for (; j + LANES <= lanes; j += LANES) {
      addOne(memory, sums + j, start + j, width, source, inputs, pairs, weights + j);
    }
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

  private static void addTwoOfSix(
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
    FloatVector a4 = load(memory, start + 4 * stride);
    FloatVector b4 = load(memory, start + 4 * stride + LANES);
    FloatVector a5 = load(memory, start + 5 * stride);
    FloatVector b5 = load(memory, start + 5 * stride + LANES);
    int w = weights;
    int end = source + inputs - 1;
    for (int k = source; k < end; k += 2, w += width) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      FloatVector aEven = a.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector bEven = b.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
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
      FloatVector x4Even = FloatVector.broadcast(FLOATS, memory[k + 4 * stride]);
      a4 = aEven.fma(x4Even, a4);
      b4 = bEven.fma(x4Even, b4);
      FloatVector x5Even = FloatVector.broadcast(FLOATS, memory[k + 5 * stride]);
      a5 = aEven.fma(x5Even, a5);
      b5 = bEven.fma(x5Even, b5);
      FloatVector aOdd = a.and(0xFFFF0000).reinterpretAsFloats();
      FloatVector bOdd = b.and(0xFFFF0000).reinterpretAsFloats();
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
      FloatVector x4Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 4 * stride]);
      a4 = aOdd.fma(x4Odd, a4);
      b4 = bOdd.fma(x4Odd, b4);
      FloatVector x5Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 5 * stride]);
      a5 = aOdd.fma(x5Odd, a5);
      b5 = bOdd.fma(x5Odd, b5);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    a1.intoArray(memory, sums + stride);
    b1.intoArray(memory, sums + stride + LANES);
    a2.intoArray(memory, sums + 2 * stride);
    b2.intoArray(memory, sums + 2 * stride + LANES);
    a3.intoArray(memory, sums + 3 * stride);
    b3.intoArray(memory, sums + 3 * stride + LANES);
    a4.intoArray(memory, sums + 4 * stride);
    b4.intoArray(memory, sums + 4 * stride + LANES);
    a5.intoArray(memory, sums + 5 * stride);
    b5.intoArray(memory, sums + 5 * stride + LANES);
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
      FloatVector aEven = a.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector bEven = b.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
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
      FloatVector aOdd = a.and(0xFFFF0000).reinterpretAsFloats();
      FloatVector bOdd = b.and(0xFFFF0000).reinterpretAsFloats();
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
}
