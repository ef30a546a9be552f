package org.nnirbridge.vm.kernel.simd;

import java.util.EnumMap;
import java.util.Map;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.vm.kernel.Kernels;
import org.nnirbridge.vm.kernel.Packing;
import org.nnirbridge.vm.kernel.ScalarKernels;

/**
 * The kernels in SIMD, with lanes = independent results, so that each sum keeps the order of {@link
 * ScalarKernels} and with it every bit. Lanes that do not fill a vector are scalar, and so are
 * folds and the functions that are not here.
 */
public final class VectorKernels implements Kernels {
  /** How many lanes the functions of several loops take at once. */
  private static final int SCRATCH = 256;

  private static final Loop[] SIGMOID = {Loops.SIGMOID};
  private static final Loop[] TANH = {Loops.TANH};

  /** Each loop takes the argument as its first source and the result so far as its second. */
  private static final Map<UnaryFunction, Loop[]> UNARY =
      new EnumMap<>(
          Map.of(
              UnaryFunction.IDENTITY, new Loop[] {Loops.COPY},
              UnaryFunction.NEG, new Loop[] {Loops.NEGATIVE},
              UnaryFunction.ABS, new Loop[] {Loops.MAGNITUDE},
              UnaryFunction.SQRT, new Loop[] {Loops.SQUARE_ROOT},
              UnaryFunction.RSQRT, new Loop[] {Loops.SQUARE_ROOT, Loops.RECIPROCAL_OF_B},
              UnaryFunction.RECIPROCAL, new Loop[] {Loops.COPY, Loops.RECIPROCAL_OF_B},
              UnaryFunction.EXP, new Loop[] {Loops.COPY, Loops.EXP_OF_B},
              UnaryFunction.TANH, TANH,
              UnaryFunction.SIGMOID, SIGMOID,
              UnaryFunction.SILU, new Loop[] {Loops.SIGMOID, Loops.MULTIPLY}));

  private static final Map<BinaryFunction, Loop> BINARY =
      new EnumMap<>(
          Map.of(
              BinaryFunction.ADD, Loops.ADD,
              BinaryFunction.SUB, Loops.SUBTRACT,
              BinaryFunction.MUL, Loops.MULTIPLY,
              BinaryFunction.DIV, Loops.DIVIDE,
              BinaryFunction.MAXIMUM, Loops.MAXIMUM,
              BinaryFunction.MINIMUM, Loops.MINIMUM,
              BinaryFunction.GREATER, Loops.GREATER,
              BinaryFunction.GREATER_EQUAL, Loops.GREATER_OR_EQUAL));

  /** From that often on it pays to unpack weights once for all. */
  private static final int FEWEST_TIMES_TO_UNPACK = 4;

  /** As many as leave a tile's unpacked weights in the first cache; whole quads. */
  private static final int UNPACKED_INPUTS = 128;

  private final ScalarKernels scalar;
  private final boolean rounds;
  private final float[] first = new float[SCRATCH];
  private final float[] second = new float[SCRATCH];
  private final float[] third = new float[SCRATCH];
  private final float[] bounds = new float[2];
  private final float[] scaled = new float[UNPACKED_INPUTS];
  private float[] unpacked = new float[0];

  // Not constants, so that the JIT compiler does not know them where they are called.
  private final Loop round = Loops.ROUND;
  private final Loop truncate = Loops.TRUNCATE;
  private final Loop canonical = Loops.CANONICAL;
  private final Loop canonicalAdd = Loops.CANONICAL_ADD;
  private final Loop bound = Loops.BOUND;
  private final Loop multiply = Loops.MULTIPLY;
  private final Loop multiplyAdd = Loops.MULTIPLY_ADD;
  private final Loop select = Loops.SELECT;

  public VectorKernels(boolean rounds, ScalarKernels scalar) {
    this.rounds = rounds;
    this.scalar = scalar;
  }

  private Loop rounding(NumberFormat format) {
    return rounds && format == NumberFormat.BF16 ? round : canonical;
  }

  private static int whole(int lanes) {
    return lanes / Loops.LANES * Loops.LANES;
  }

  private static void run(Loop loop, float[] from, int source, float[] to, int target, int count) {
    call(loop, from, source, from, source, from, source, to, target, count);
  }

  /** The one place that runs loops, which are many, so that none is inlined here. */
  private static void call(
      Loop loop,
      float[] a,
      int i,
      float[] b,
      int j,
      float[] c,
      int k,
      float[] to,
      int target,
      int count) {
    loop.run(a, i, b, j, c, k, to, target, count);
  }

  /** A function of lanes, left at the start of an array. */
  private static void run(Loop[] loops, float[] from, int source, float[] to, int count) {
    for (Loop loop : loops) {
      call(loop, from, source, to, 0, to, 0, to, 0, count);
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
      int[] words,
      Packing packing,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride) {
    if (packing == Packing.PAIRS) {
      PairProducts.addAll(
          memory,
          sums,
          start,
          width,
          source,
          inputs,
          words,
          weights,
          times,
          sumsStride,
          startStride,
          sourceStride,
          weightsStride);
    } else if (weightsStride == 0 && times >= FEWEST_TIMES_TO_UNPACK) {
      addUnpacked(
          memory,
          sums,
          start,
          width,
          source,
          inputs,
          words,
          weights,
          times,
          sumsStride,
          startStride,
          sourceStride);
    } else {
      for (int i = 0; i < times; i++) {
        addQuads(
            memory,
            sums + i * sumsStride,
            start + i * startStride,
            width,
            source + i * sourceStride,
            inputs,
            words,
            weights + i * weightsStride);
      }
    }
  }

  private void addQuads(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] quads,
      int weights) {
    int from = start;
    int whole = inputs / 4 * 4;
    for (int done = 0; done < whole; done += UNPACKED_INPUTS) {
      int count = Math.min(UNPACKED_INPUTS, whole - done);
      int at = weights + Packing.QUADS.word(done) * width;
      if (QuadProducts.scale(memory, source + done, count, scaled)) {
        QuadProducts.add(memory, sums, from, width, scaled, count, quads, at);
      } else {
        addUnpacked(memory, sums, from, width, source + done, count, quads, at, 1, 0, 0, 0);
      }
      from = sums;
    }
    if (whole < inputs || inputs == 0) {
      addUnpacked(
          memory,
          sums,
          from,
          width,
          source + whole,
          inputs - whole,
          quads,
          weights + Packing.QUADS.word(whole) * width,
          1,
          0,
          0,
          0);
    }
  }

  /** Sums with quads that are unpacked once for all times, a few inputs at a time. */
  private void addUnpacked(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] quads,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride) {
    if (unpacked.length < UNPACKED_INPUTS * width) {
      unpacked = new float[UNPACKED_INPUTS * width];
    }
    int from = start;
    int fromStride = startStride;
    int done = 0;
    do {
      int count = Math.min(UNPACKED_INPUTS, inputs - done);
      int at = weights + Packing.QUADS.word(done) * width;
      QuadProducts.unpack(quads, at, Packing.QUADS.words(count), width, unpacked);
      FloatProducts.addAll(
          memory,
          sums,
          from,
          width,
          source + done,
          count,
          unpacked,
          0,
          times,
          sumsStride,
          fromStride,
          sourceStride,
          0);
      from = sums;
      fromStride = sumsStride;
      done += count;
    } while (done < inputs);
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
    FloatProducts.addAll(
        memory,
        sums,
        start,
        width,
        source,
        inputs,
        floats,
        weights,
        times,
        sumsStride,
        startStride,
        sourceStride,
        weightsStride);
  }

  @Override
  public void store(float[] memory, int target, int source, NumberFormat format, int lanes) {
    int whole = whole(lanes);
    run(rounding(format), memory, source, memory, target, whole);
    scalar.store(memory, target + whole, source + whole, format, lanes - whole);
  }

  @Override
  public void truncate(float[] memory, int target, int source, int lanes) {
    int whole = whole(lanes);
    run(truncate, memory, source, memory, target, whole);
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
    boolean rounded = rounds && format == NumberFormat.BF16;
    bounds[0] = rounded ? format.round(minimum) : minimum;
    bounds[1] = rounded ? format.round(maximum) : maximum;
    call(bound, memory, source, bounds, 0, bounds, 1, memory, target, whole);
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
    Loop[] loops = UNARY.get(function);
    int whole = loops == null ? 0 : whole(lanes);
    for (int n = 0; n < whole; n += SCRATCH) {
      int count = Math.min(SCRATCH, whole - n);
      run(loops, memory, source + n, first, count);
      run(rounding(format), first, 0, memory, target + n, count);
    }
    scalar.map(memory, target + whole, source + whole, function, format, lanes - whole);
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
    int whole = whole(lanes);
    Loop loop = BINARY.get(function);
    if (function == BinaryFunction.ADD && rounding(format) == canonical) {
      call(canonicalAdd, memory, a, memory, b, memory, b, memory, target, whole);
    } else {
      for (int n = 0; n < whole; n += SCRATCH) {
        int count = Math.min(SCRATCH, whole - n);
        call(loop, memory, a + n, memory, b + n, memory, b + n, first, 0, count);
        run(rounding(format), first, 0, memory, target + n, count);
      }
    }
    scalar.zip(memory, target + whole, a + whole, b + whole, function, format, lanes - whole);
  }

  @Override
  public void multiplyAdd(
      float[] memory, int target, int sum, int a, int b, NumberFormat format, int lanes) {
    int whole = whole(lanes);
    for (int n = 0; n < whole; n += SCRATCH) {
      int count = Math.min(SCRATCH, whole - n);
      call(multiplyAdd, memory, a + n, memory, b + n, memory, sum + n, first, 0, count);
      run(rounding(format), first, 0, memory, target + n, count);
    }
    scalar.multiplyAdd(
        memory, target + whole, sum + whole, a + whole, b + whole, format, lanes - whole);
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
    int whole = whole(lanes);
    for (int n = 0; n < whole; n += SCRATCH) {
      int count = Math.min(SCRATCH, whole - n);
      call(select, memory, mask + n, memory, a + n, memory, b + n, first, 0, count);
      run(rounding(format), first, 0, memory, target + n, count);
    }
    scalar.select(
        memory, target + whole, mask + whole, a + whole, b + whole, format, lanes - whole);
  }

  @Override
  public void lstmCell(float[] memory, int target, int i, int f, int g, int cell, int lanes) {
    int whole = whole(lanes);
    for (int n = 0; n < whole; n += SCRATCH) {
      int count = Math.min(SCRATCH, whole - n);
      run(SIGMOID, memory, i + n, first, count);
      run(TANH, memory, g + n, second, count);
      run(SIGMOID, memory, f + n, third, count);
      call(multiply, first, 0, second, 0, second, 0, first, 0, count);
      call(multiplyAdd, third, 0, memory, cell + n, first, 0, first, 0, count);
      run(canonical, first, 0, memory, target + n, count);
    }
    scalar.lstmCell(
        memory, target + whole, i + whole, f + whole, g + whole, cell + whole, lanes - whole);
  }

  @Override
  public void lstmHidden(float[] memory, int target, int o, int cell, int lanes) {
    int whole = whole(lanes);
    for (int n = 0; n < whole; n += SCRATCH) {
      int count = Math.min(SCRATCH, whole - n);
      run(SIGMOID, memory, o + n, first, count);
      run(TANH, memory, cell + n, second, count);
      call(multiply, first, 0, second, 0, second, 0, first, 0, count);
      run(rounding(NumberFormat.BF16), first, 0, memory, target + n, count);
    }
    scalar.lstmHidden(memory, target + whole, o + whole, cell + whole, lanes - whole);
  }
}
