package org.nnirbridge.vm.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

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
