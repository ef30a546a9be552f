package org.nnirbridge.vm.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

class VectorKernelsTest {
  @Test
  void simdIsChosenWhereItIsThere() {
    assertNotEquals(ScalarKernels.class, KernelChoice.forBlocks(32, true).getClass());
  }

  @Property(tries = 500)
  void productsHaveTheBitsOfTheScalarKernels(
      @ForAll @IntRange(min = 1, max = 80) int blockSize,
      @ForAll @IntRange(min = 1, max = 200) int inputs,
      @ForAll @IntRange(min = -60, max = 60) int scale,
      @ForAll long seed) {
    float[] weights = values(blockSize * inputs, scale, seed);
    float[] scalarMemory = values(blockSize + inputs, scale, seed + 1);
    float[] simdMemory = scalarMemory.clone();
    new ScalarKernels(blockSize, true).matVec(scalarMemory, 0, weights, 0, blockSize, inputs);
    KernelChoice.forBlocks(blockSize, true).matVec(simdMemory, 0, weights, 0, blockSize, inputs);
    assertArrayEquals(bits(scalarMemory), bits(simdMemory));
  }

  @ParameterizedTest
  @EnumSource(UnaryFunction.class)
  void functionsHaveTheBitsOfTheScalarKernelsOnEveryBf16Value(UnaryFunction function) {
    float[] memory = new float[3 << 16];
    for (int i = 0; i < 1 << 16; i++) {
      memory[i] = Float.intBitsToFloat(i << 16);
    }
    int block = 1 << 16;
    for (NumberFormat format : NumberFormat.values()) {
      new ScalarKernels(block, true).map(memory, block, 0, function, format);
      KernelChoice.forBlocks(block, true).map(memory, 2 * block, 0, function, format);
      assertArrayEquals(rawBits(memory, block, block), rawBits(memory, 2 * block, block));
    }
  }

  @Property(tries = 300)
  void lstmUnitsAndStoresHaveTheBitsOfTheScalarKernels(
      @ForAll @IntRange(min = 1, max = 5) int vectors,
      @ForAll @IntRange(min = -40, max = 40) int scale,
      @ForAll boolean rounds,
      @ForAll long seed) {
    int block = 16 * vectors;
    float[] scalarMemory = values(8 * block, scale, seed);
    float[] simdMemory = scalarMemory.clone();
    run(new ScalarKernels(block, rounds), block, scalarMemory);
    run(KernelChoice.forBlocks(block, rounds), block, simdMemory);
    assertArrayEquals(
        rawBits(scalarMemory, 0, scalarMemory.length), rawBits(simdMemory, 0, simdMemory.length));
  }

  private static void run(Kernels kernels, int block, float[] memory) {
    kernels.lstmCell(memory, 5 * block, 0, block, 2 * block, 4 * block);
    kernels.lstmHidden(memory, 6 * block, 3 * block, 5 * block);
    kernels.store(memory, 7 * block, 5 * block, NumberFormat.BF16);
    kernels.store(memory, 4 * block, 5 * block, NumberFormat.FP32);
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
