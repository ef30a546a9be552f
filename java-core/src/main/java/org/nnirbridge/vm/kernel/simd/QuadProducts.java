package org.nnirbridge.vm.kernel.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.nnirbridge.vm.kernel.Packing;

/**
 * Sums of products with weights in {@link Packing#QUADS}, with lanes = independent sums, so that
 * each keeps its order.
 *
 * <p>A shift and a mask leave each weight too small by {@link Packing#QUAD_SCALE}. The inputs are
 * made that much larger before, which is exact and so leaves every product as it is.
 *
 * <p>All is written out, because the JIT compiler no longer inlines methods of this package in code
 * that has grown as large, and puts every vector that passes between them on the heap.
 */
final class QuadProducts {
  private static final VectorSpecies<Float> FLOATS = Loops.FLOATS;
  private static final int LANES = FLOATS.length();
  private static final short MASK = (short) (Packing.QUAD_MASK >>> Short.SIZE);

  /** Inputs from here on would overflow. */
  private static final float TOO_LARGE = Float.MAX_VALUE / Packing.QUAD_SCALE;

  private QuadProducts() {}

  /**
   * Inputs as the sums take them.
   *
   * @return whether none is too large for that
   */
  static boolean scale(float[] memory, int source, int inputs, float[] scaled) {
    FloatVector largest = FloatVector.zero(FLOATS);
    int k = 0;
    for (; k + LANES <= inputs; k += LANES) {
      FloatVector input = FloatVector.fromArray(FLOATS, memory, source + k);
      input.mul(Packing.QUAD_SCALE).intoArray(scaled, k);
      largest = largest.max(input.abs());
    }
    boolean small = largest.lt(TOO_LARGE).allTrue();
    for (; k < inputs; k++) {
      float input = memory[source + k];
      scaled[k] = input * Packing.QUAD_SCALE;
      small &= Math.abs(input) < TOO_LARGE;
    }
    return small;
  }

  /** All sums of one stream; the number of inputs is a multiple of four. */
  static void add(
      float[] memory,
      int sums,
      int start,
      int width,
      float[] scaled,
      int inputs,
      int[] quads,
      int weights) {
    int j = 0;
    for (; j + 4 * LANES <= width; j += 4 * LANES) {
      addFour(memory, sums + j, start + j, width, scaled, inputs, quads, weights + j);
    }
    for (; j + 2 * LANES <= width; j += 2 * LANES) {
      addTwo(memory, sums + j, start + j, width, scaled, inputs, quads, weights + j);
    }
    for (; j + LANES <= width; j += LANES) {
      addOne(memory, sums + j, start + j, width, scaled, inputs, quads, weights + j);
    }
  }

  /** Rows of quads, each {@code width} lanes wide, as the float32 weights of all their inputs. */
  static void unpack(int[] quads, int from, int rows, int width, float[] unpacked) {
    for (int row = 0; row < rows; row++) {
      int source = from + row * width;
      int target = 4 * row * width;
      for (int j = 0; j < width; j += LANES) {
        IntVector four = IntVector.fromArray(PairProducts.INTS, quads, source + j);
        four.lanewise(VectorOperators.LSHL, 24)
            .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
            .and(Packing.QUAD_MASK)
            .reinterpretAsFloats()
            .mul(Packing.QUAD_SCALE)
            .intoArray(unpacked, target + j);
        four.lanewise(VectorOperators.LSHL, 8)
            .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
            .and(Packing.QUAD_MASK)
            .reinterpretAsFloats()
            .mul(Packing.QUAD_SCALE)
            .intoArray(unpacked, target + width + j);
        four.lanewise(VectorOperators.LSHL, 16)
            .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
            .and(Packing.QUAD_MASK)
            .reinterpretAsFloats()
            .mul(Packing.QUAD_SCALE)
            .intoArray(unpacked, target + 2 * width + j);
        four.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
            .and(Packing.QUAD_MASK)
            .reinterpretAsFloats()
            .mul(Packing.QUAD_SCALE)
            .intoArray(unpacked, target + 3 * width + j);
      }
    }
  }

  private static void addFour(
      float[] memory,
      int sums,
      int start,
      int width,
      float[] scaled,
      int inputs,
      int[] quads,
      int weights) {
    FloatVector a = FloatVector.fromArray(FLOATS, memory, start);
    FloatVector b = FloatVector.fromArray(FLOATS, memory, start + LANES);
    FloatVector c = FloatVector.fromArray(FLOATS, memory, start + 2 * LANES);
    FloatVector d = FloatVector.fromArray(FLOATS, memory, start + 3 * LANES);
    int w = weights;
    for (int k = 0; k < inputs; k += 4, w += width) {
      ShortVector aa = IntVector.fromArray(PairProducts.INTS, quads, w).reinterpretAsShorts();
      ShortVector bb =
          IntVector.fromArray(PairProducts.INTS, quads, w + LANES).reinterpretAsShorts();
      ShortVector cc =
          IntVector.fromArray(PairProducts.INTS, quads, w + 2 * LANES).reinterpretAsShorts();
      ShortVector dd =
          IntVector.fromArray(PairProducts.INTS, quads, w + 3 * LANES).reinterpretAsShorts();
      IntVector aLow =
          aa.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector aHigh =
          aa.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      IntVector bLow =
          bb.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector bHigh =
          bb.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      IntVector cLow =
          cc.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector cHigh =
          cc.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      IntVector dLow =
          dd.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector dHigh =
          dd.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      FloatVector x0 = FloatVector.broadcast(FLOATS, scaled[k]);
      a = aLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, a);
      b = bLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, b);
      c = cLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, c);
      d = dLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, d);
      FloatVector x1 = FloatVector.broadcast(FLOATS, scaled[k + 1]);
      a = aLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, a);
      b = bLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, b);
      c = cLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, c);
      d = dLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, d);
      FloatVector x2 = FloatVector.broadcast(FLOATS, scaled[k + 2]);
      a = aHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, a);
      b = bHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, b);
      c = cHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, c);
      d = dHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, d);
      FloatVector x3 = FloatVector.broadcast(FLOATS, scaled[k + 3]);
      a = aHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, a);
      b = bHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, b);
      c = cHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, c);
      d = dHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, d);
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
      float[] scaled,
      int inputs,
      int[] quads,
      int weights) {
    FloatVector a = FloatVector.fromArray(FLOATS, memory, start);
    FloatVector b = FloatVector.fromArray(FLOATS, memory, start + LANES);
    int w = weights;
    for (int k = 0; k < inputs; k += 4, w += width) {
      ShortVector aa = IntVector.fromArray(PairProducts.INTS, quads, w).reinterpretAsShorts();
      ShortVector bb =
          IntVector.fromArray(PairProducts.INTS, quads, w + LANES).reinterpretAsShorts();
      IntVector aLow =
          aa.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector aHigh =
          aa.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      IntVector bLow =
          bb.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector bHigh =
          bb.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      FloatVector x0 = FloatVector.broadcast(FLOATS, scaled[k]);
      a = aLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, a);
      b = bLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, b);
      FloatVector x1 = FloatVector.broadcast(FLOATS, scaled[k + 1]);
      a = aLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, a);
      b = bLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, b);
      FloatVector x2 = FloatVector.broadcast(FLOATS, scaled[k + 2]);
      a = aHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, a);
      b = bHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, b);
      FloatVector x3 = FloatVector.broadcast(FLOATS, scaled[k + 3]);
      a = aHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, a);
      b = bHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, b);
    }
    a.intoArray(memory, sums);
    b.intoArray(memory, sums + LANES);
  }

  private static void addOne(
      float[] memory,
      int sums,
      int start,
      int width,
      float[] scaled,
      int inputs,
      int[] quads,
      int weights) {
    FloatVector a = FloatVector.fromArray(FLOATS, memory, start);
    int w = weights;
    for (int k = 0; k < inputs; k += 4, w += width) {
      ShortVector aa = IntVector.fromArray(PairProducts.INTS, quads, w).reinterpretAsShorts();
      IntVector aLow =
          aa.lanewise(VectorOperators.LSHL, 8)
              .lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT)
              .and(MASK)
              .reinterpretAsInts();
      IntVector aHigh =
          aa.lanewise(VectorOperators.ASHR, Packing.QUAD_SHIFT).and(MASK).reinterpretAsInts();
      FloatVector x0 = FloatVector.broadcast(FLOATS, scaled[k]);
      a = aLow.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, a);
      FloatVector x1 = FloatVector.broadcast(FLOATS, scaled[k + 1]);
      a = aLow.and(0xFFFF0000).reinterpretAsFloats().fma(x1, a);
      FloatVector x2 = FloatVector.broadcast(FLOATS, scaled[k + 2]);
      a = aHigh.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, a);
      FloatVector x3 = FloatVector.broadcast(FLOATS, scaled[k + 3]);
      a = aHigh.and(0xFFFF0000).reinterpretAsFloats().fma(x3, a);
    }
    a.intoArray(memory, sums);
  }
}
