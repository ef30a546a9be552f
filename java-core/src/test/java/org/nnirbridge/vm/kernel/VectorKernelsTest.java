package org.nnirbridge.vm.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

class VectorKernelsTest {
  @Test
  void simdIsChosenWhereItIsThere() {
    assertNotEquals(ScalarKernels.class, KernelChoice.create(true).getClass());
  }

  /** Where sums start: where they go, at values of their own, or all at the same ones. */
  enum Start {
    IN_PLACE,
    APART,
    SHARED
  }

  @Property(tries = 1000)
  void productsHaveTheBitsOfTheScalarKernels(
      @ForAll @IntRange(min = 1, max = 9) int sixteens,
      @ForAll @IntRange(min = 1, max = 300) int inputs,
      @ForAll @IntRange(min = 1, max = 21) int times,
      @ForAll @IntRange(max = 310) int sourceStride,
      @ForAll @IntRange(min = -60, max = 60) int scale,
      @ForAll Optional<Packing> packing,
      @ForAll Start from,
      @ForAll boolean sameWeights,
      @ForAll long seed) {
    int width = 16 * sixteens;
    int tiles = sameWeights ? 1 : times;
    float[] floats =
        packing.equals(Optional.of(Packing.QUADS))
            ? quads(tiles * width * inputs, seed)
            : values(tiles * width * inputs, scale, seed);
    int start = from == Start.IN_PLACE ? 0 : width * times;
    int startStride = from == Start.SHARED ? 0 : width;
    int source = 2 * width * times;
    float[] scalarMemory = values(source + sourceStride * (times - 1) + inputs, scale, seed + 1);
    float[] simdMemory = scalarMemory.clone();
    for (float[] memory : List.of(scalarMemory, simdMemory)) {
      Kernels kernels =
          memory == scalarMemory ? new ScalarKernels(true) : KernelChoice.create(true);
      if (packing.isPresent()) {
        int[] words = packed(packing.get(), floats, tiles, width, inputs);
        int weightsStride = sameWeights ? 0 : words.length / tiles;
        kernels.addProducts(
            memory,
            0,
            start,
            width,
            source,
            inputs,
            words,
            packing.get(),
            0,
            times,
            width,
            startStride,
            sourceStride,
            weightsStride);
      } else {
        int weightsStride = sameWeights ? 0 : width * inputs;
        kernels.addProducts(
            memory,
            0,
            start,
            width,
            source,
            inputs,
            floats,
            0,
            times,
            width,
            startStride,
            sourceStride,
            weightsStride);
      }
    }
    assertArrayEquals(bits(scalarMemory), bits(simdMemory));
  }

  private static int[] packed(Packing packing, float[] weights, int tiles, int width, int inputs) {
    int length = packing.words(inputs) * width;
    int[] words = new int[tiles * length];
    for (int tile = 0; tile < tiles; tile++) {
      for (int k = 0; k < inputs; k++) {
        for (int j = 0; j < width; j++) {
          int at = tile * length + packing.word(k) * width + j;
          words[at] = packing.with(words[at], k, weights[(tile * inputs + k) * width + j]);
        }
      }
    }
    return words;
  }

  /** Weights of FP8, of every magnitude that quads hold. */
  private static float[] quads(int length, long seed) {
    Random random = new Random(seed);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      do {
        values[i] = Fp8E4M3.decode((byte) random.nextInt(256));
      } while (!Packing.QUADS.holds(values[i]));
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(UnaryFunction.class)
  void functionsHaveTheBitsOfTheScalarKernelsOnEveryBf16Value(UnaryFunction function) {
    float[] memory = new float[3 << 16];
    for (int i = 0; i < 1 << 16; i++) {
      memory[i] = Float.intBitsToFloat(i << 16);
    }
    int lanes = 1 << 16;
    for (NumberFormat format : NumberFormat.values()) {
      new ScalarKernels(true).map(memory, lanes, 0, function, format, lanes);
      KernelChoice.create(true).map(memory, 2 * lanes, 0, function, format, lanes);
      assertArrayEquals(rawBits(memory, lanes, lanes), rawBits(memory, 2 * lanes, lanes));
    }
  }

  @Property(tries = 300)
  void everythingElseHasTheBitsOfTheScalarKernels(
      @ForAll @IntRange(min = 1, max = 600) int lanes,
      @ForAll @IntRange(min = -40, max = 40) int scale,
      @ForAll boolean rounds,
      @ForAll NumberFormat format,
      @ForAll long seed) {
    float[] scalarMemory = values(22 * lanes, scale, seed);
    float[] simdMemory = scalarMemory.clone();
    run(new ScalarKernels(rounds), lanes, format, scalarMemory);
    run(KernelChoice.create(rounds), lanes, format, simdMemory);
    assertArrayEquals(
        rawBits(scalarMemory, 0, scalarMemory.length), rawBits(simdMemory, 0, simdMemory.length));
  }

  private static void run(Kernels kernels, int lanes, NumberFormat format, float[] memory) {
    kernels.lstmCell(memory, 5 * lanes, 0, lanes, 2 * lanes, 4 * lanes, lanes);
    kernels.lstmHidden(memory, 6 * lanes, 3 * lanes, 5 * lanes, lanes);
    kernels.store(memory, 7 * lanes, 5 * lanes, format, lanes);
    kernels.truncate(memory, 8 * lanes, 5 * lanes, lanes);
    kernels.bound(memory, 9 * lanes, 0, -0.3f, 0.7f, format, lanes);
    kernels.bound(memory, 10 * lanes, 0, 0f, Float.POSITIVE_INFINITY, format, lanes);
    kernels.multiplyAdd(memory, 11 * lanes, 0, lanes, 2 * lanes, format, lanes);
    kernels.select(memory, 12 * lanes, 0, lanes, 2 * lanes, format, lanes);
    kernels.fold(memory, 13 * lanes, 0, lanes, BinaryFunction.ADD, lanes / 2, format, lanes);
    for (BinaryFunction function : BinaryFunction.values()) {
      kernels.zip(memory, (14 + function.ordinal()) * lanes, 0, lanes, function, format, lanes);
    }
  }

  @Test
  void aFoldJoinsTheFirstLanesInOrderAndFillsItsBlock() {
    float[] memory = {3f, 9f, 9f, 9f, 0x1p24f, 1f, 1f, 5f, 0f, 0f, 0f, 0f};
    Kernels kernels = KernelChoice.create(true);
    kernels.fold(memory, 8, 0, 4, BinaryFunction.ADD, 3, NumberFormat.FP32, 4);
    float sum = ((3f + 0x1p24f) + 1f) + 1f;
    assertArrayEquals(new float[] {sum, sum, sum, sum}, Arrays.copyOfRange(memory, 8, 12));
    kernels.fold(memory, 4, 0, 4, BinaryFunction.MAXIMUM, 4, NumberFormat.BF16, 4);
    assertArrayEquals(
        new float[] {0x1p24f, 0x1p24f, 0x1p24f, 0x1p24f}, Arrays.copyOfRange(memory, 4, 8));
  }

  @Test
  void aSelectTakesTheFirstWhereTheMaskIsNotZero() {
    float[] memory = {
      1f, 0f, -0f, Float.NaN, 1f, 2f, 3f, 1.001f, 5f, 6f, Float.NaN, 8f, 0, 0, 0, 0
    };
    KernelChoice.create(true).select(memory, 12, 0, 4, 8, NumberFormat.BF16, 4);
    assertArrayEquals(new float[] {1f, 6f, Float.NaN, 1f}, Arrays.copyOfRange(memory, 12, 16));
  }

  private static int[] rawBits(float[] values, int from, int length) {
    int[] bits = new int[length];
    for (int i = 0; i < length; i++) {
      bits[i] = Float.floatToRawIntBits(values[from + i]);
    }
    return bits;
  }

  /** BF16 values of a scale, with zeros of both signs, subnormals and infinities among them. */
  private static float[] values(int length, int scale, long seed) {
    Random random = new Random(seed);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      float value = (float) Math.scalb(random.nextGaussian(), scale);
      values[i] =
          switch (random.nextInt(200)) {
            case 3 -> Float.NaN;
            case 0 -> -0f;
            case 1 -> Float.intBitsToFloat(1 << 16);
            case 2 -> Float.POSITIVE_INFINITY;
            default -> Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xFFFF0000);
          };
    }
    return values;
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToIntBits(values[i]);
    }
    return bits;
  }
}
