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

  /** All sums, as often as is asked for on places and weights that lie strides apart. */
  static void addAll(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride) {
    int step = weightsStride == 0 ? 2 * LANES : 4 * LANES;
    int whole = width / step * step;
    int done = 0;
    if (weightsStride == 0) {
      done =
          addSameWeights(
              memory,
              sums,
              start,
              width,
              source,
              inputs,
              pairs,
              weights,
              times,
              sumsStride,
              startStride,
              sourceStride);
    } else if (sourceStride == 0) {
      for (; done + 2 <= times; done += 2) {
        for (int j = 0; j < whole; j += step) {
          addFourTwice(
              memory,
              sums + done * sumsStride + j,
              start + done * startStride + j,
              width,
              source,
              inputs,
              pairs,
              weights + done * weightsStride + j,
              sumsStride,
              startStride,
              weightsStride);
        }
      }
    }
    for (int i = 0; i < times; i++) {
      int from = i < done ? whole : 0;
      int to = sums + i * sumsStride;
      int x = source + i * sourceStride;
      int w = weights + i * weightsStride;
      add(
          memory,
          to + from,
          start + i * startStride + from,
          width - from,
          width,
          x,
          inputs,
          pairs,
          w + from);
      if (inputs % 2 != 0) {
        addLast(memory, to, from, x + inputs - 1, pairs, w + inputs / 2 * width);
      }
    }
  }

  /** Sums of all lanes that fill two vectors, as long as there are four or more. */
  private static int addSameWeights(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride) {
    int whole = width / (2 * LANES) * (2 * LANES);
    int bySix = MANY_REGISTERS ? inSixes(times) : 0;
    int done = 0;
    for (; done < bySix; done += 6) {
      for (int j = 0; j < whole; j += 2 * LANES) {
        addTwoOfSix(
            memory,
            sums + done * sumsStride + j,
            start + done * startStride + j,
            width,
            source + done * sourceStride,
            inputs,
            pairs,
            weights + j,
            sumsStride,
            startStride,
            sourceStride);
      }
    }
    for (; done + 4 <= times; done += 4) {
      for (int j = 0; j < whole; j += 2 * LANES) {
        addTwoOfFour(
            memory,
            sums + done * sumsStride + j,
            start + done * startStride + j,
            width,
            source + done * sourceStride,
            inputs,
            pairs,
            weights + j,
            sumsStride,
            startStride,
            sourceStride);
      }
    }
    return done;
  }

  /** How many of them go by six, so that as many as possible of the others go by four. */
  private static int inSixes(int times) {
    int sixes = times / 6;
    boolean leavesTwo = (times - 6 * sixes) % 4 > 1;
    return 6 * (leavesTwo && sixes > 0 ? sixes - 1 : sixes);
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

  /** Sums on {@code lanes} of the width. */
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

  /** Of two tiles with the same inputs, each pair of which is then loaded once. */
  private static void addFourTwice(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] pairs,
      int weights,
      int sumsStride,
      int startStride,
      int weightsStride) {
    FloatVector a0 = load(memory, start);
    FloatVector b0 = load(memory, start + LANES);
    FloatVector c0 = load(memory, start + 2 * LANES);
    FloatVector d0 = load(memory, start + 3 * LANES);
    FloatVector a1 = load(memory, start + startStride);
    FloatVector b1 = load(memory, start + startStride + LANES);
    FloatVector c1 = load(memory, start + startStride + 2 * LANES);
    FloatVector d1 = load(memory, start + startStride + 3 * LANES);
    int w = weights;
    int end = source + inputs - 1;
    for (int k = source; k < end; k += 2, w += width) {
      FloatVector x = FloatVector.broadcast(FLOATS, memory[k]);
      FloatVector y = FloatVector.broadcast(FLOATS, memory[k + 1]);
      IntVector aa0 = IntVector.fromArray(INTS, pairs, w);
      IntVector bb0 = IntVector.fromArray(INTS, pairs, w + LANES);
      IntVector cc0 = IntVector.fromArray(INTS, pairs, w + 2 * LANES);
      IntVector dd0 = IntVector.fromArray(INTS, pairs, w + 3 * LANES);
      a0 = aa0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, a0);
      b0 = bb0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, b0);
      c0 = cc0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, c0);
      d0 = dd0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, d0);
      a0 = aa0.and(0xFFFF0000).reinterpretAsFloats().fma(y, a0);
      b0 = bb0.and(0xFFFF0000).reinterpretAsFloats().fma(y, b0);
      c0 = cc0.and(0xFFFF0000).reinterpretAsFloats().fma(y, c0);
      d0 = dd0.and(0xFFFF0000).reinterpretAsFloats().fma(y, d0);
      IntVector aa1 = IntVector.fromArray(INTS, pairs, w + weightsStride);
      IntVector bb1 = IntVector.fromArray(INTS, pairs, w + weightsStride + LANES);
      IntVector cc1 = IntVector.fromArray(INTS, pairs, w + weightsStride + 2 * LANES);
      IntVector dd1 = IntVector.fromArray(INTS, pairs, w + weightsStride + 3 * LANES);
      a1 = aa1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, a1);
      b1 = bb1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, b1);
      c1 = cc1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, c1);
      d1 = dd1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, d1);
      a1 = aa1.and(0xFFFF0000).reinterpretAsFloats().fma(y, a1);
      b1 = bb1.and(0xFFFF0000).reinterpretAsFloats().fma(y, b1);
      c1 = cc1.and(0xFFFF0000).reinterpretAsFloats().fma(y, c1);
      d1 = dd1.and(0xFFFF0000).reinterpretAsFloats().fma(y, d1);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    c0.intoArray(memory, sums + 2 * LANES);
    d0.intoArray(memory, sums + 3 * LANES);
    a1.intoArray(memory, sums + sumsStride);
    b1.intoArray(memory, sums + sumsStride + LANES);
    c1.intoArray(memory, sums + sumsStride + 2 * LANES);
    d1.intoArray(memory, sums + sumsStride + 3 * LANES);
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
    FloatVector a4 = load(memory, start + 4 * startStride);
    FloatVector b4 = load(memory, start + 4 * startStride + LANES);
    FloatVector a5 = load(memory, start + 5 * startStride);
    FloatVector b5 = load(memory, start + 5 * startStride + LANES);
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
      FloatVector x1Even = FloatVector.broadcast(FLOATS, memory[k + sourceStride]);
      a1 = aEven.fma(x1Even, a1);
      b1 = bEven.fma(x1Even, b1);
      FloatVector x2Even = FloatVector.broadcast(FLOATS, memory[k + 2 * sourceStride]);
      a2 = aEven.fma(x2Even, a2);
      b2 = bEven.fma(x2Even, b2);
      FloatVector x3Even = FloatVector.broadcast(FLOATS, memory[k + 3 * sourceStride]);
      a3 = aEven.fma(x3Even, a3);
      b3 = bEven.fma(x3Even, b3);
      FloatVector x4Even = FloatVector.broadcast(FLOATS, memory[k + 4 * sourceStride]);
      a4 = aEven.fma(x4Even, a4);
      b4 = bEven.fma(x4Even, b4);
      FloatVector x5Even = FloatVector.broadcast(FLOATS, memory[k + 5 * sourceStride]);
      a5 = aEven.fma(x5Even, a5);
      b5 = bEven.fma(x5Even, b5);
      FloatVector aOdd = a.and(0xFFFF0000).reinterpretAsFloats();
      FloatVector bOdd = b.and(0xFFFF0000).reinterpretAsFloats();
      FloatVector x0Odd = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aOdd.fma(x0Odd, a0);
      b0 = bOdd.fma(x0Odd, b0);
      FloatVector x1Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + sourceStride]);
      a1 = aOdd.fma(x1Odd, a1);
      b1 = bOdd.fma(x1Odd, b1);
      FloatVector x2Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 2 * sourceStride]);
      a2 = aOdd.fma(x2Odd, a2);
      b2 = bOdd.fma(x2Odd, b2);
      FloatVector x3Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 3 * sourceStride]);
      a3 = aOdd.fma(x3Odd, a3);
      b3 = bOdd.fma(x3Odd, b3);
      FloatVector x4Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 4 * sourceStride]);
      a4 = aOdd.fma(x4Odd, a4);
      b4 = bOdd.fma(x4Odd, b4);
      FloatVector x5Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 5 * sourceStride]);
      a5 = aOdd.fma(x5Odd, a5);
      b5 = bOdd.fma(x5Odd, b5);
    }
    a0.intoArray(memory, sums);
    b0.intoArray(memory, sums + LANES);
    a1.intoArray(memory, sums + sumsStride);
    b1.intoArray(memory, sums + sumsStride + LANES);
    a2.intoArray(memory, sums + 2 * sumsStride);
    b2.intoArray(memory, sums + 2 * sumsStride + LANES);
    a3.intoArray(memory, sums + 3 * sumsStride);
    b3.intoArray(memory, sums + 3 * sumsStride + LANES);
    a4.intoArray(memory, sums + 4 * sumsStride);
    b4.intoArray(memory, sums + 4 * sumsStride + LANES);
    a5.intoArray(memory, sums + 5 * sumsStride);
    b5.intoArray(memory, sums + 5 * sumsStride + LANES);
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
    for (int k = source; k < end; k += 2, w += width) {
      IntVector a = IntVector.fromArray(INTS, pairs, w);
      IntVector b = IntVector.fromArray(INTS, pairs, w + LANES);
      FloatVector aEven = a.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector bEven = b.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector x0Even = FloatVector.broadcast(FLOATS, memory[k]);
      a0 = aEven.fma(x0Even, a0);
      b0 = bEven.fma(x0Even, b0);
      FloatVector x1Even = FloatVector.broadcast(FLOATS, memory[k + sourceStride]);
      a1 = aEven.fma(x1Even, a1);
      b1 = bEven.fma(x1Even, b1);
      FloatVector x2Even = FloatVector.broadcast(FLOATS, memory[k + 2 * sourceStride]);
      a2 = aEven.fma(x2Even, a2);
      b2 = bEven.fma(x2Even, b2);
      FloatVector x3Even = FloatVector.broadcast(FLOATS, memory[k + 3 * sourceStride]);
      a3 = aEven.fma(x3Even, a3);
      b3 = bEven.fma(x3Even, b3);
      FloatVector aOdd = a.and(0xFFFF0000).reinterpretAsFloats();
      FloatVector bOdd = b.and(0xFFFF0000).reinterpretAsFloats();
      FloatVector x0Odd = FloatVector.broadcast(FLOATS, memory[k + 1]);
      a0 = aOdd.fma(x0Odd, a0);
      b0 = bOdd.fma(x0Odd, b0);
      FloatVector x1Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + sourceStride]);
      a1 = aOdd.fma(x1Odd, a1);
      b1 = bOdd.fma(x1Odd, b1);
      FloatVector x2Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 2 * sourceStride]);
      a2 = aOdd.fma(x2Odd, a2);
      b2 = bOdd.fma(x2Odd, b2);
      FloatVector x3Odd = FloatVector.broadcast(FLOATS, memory[k + 1 + 3 * sourceStride]);
      a3 = aOdd.fma(x3Odd, a3);
      b3 = bOdd.fma(x3Odd, b3);
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
