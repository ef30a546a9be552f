package org.nnirbridge.vm.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.isa.Opcode;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Linear;
import org.nnirbridge.numerics.Fp8E4M3;
import org.nnirbridge.program.Program;
import org.nnirbridge.vm.VmMode;

class PackedWeightsTest {
  private static final int INPUTS = 1280;
  private static final int OUTPUTS = 512;

  /** A layer whose weights FP8 holds, stored as FP8 or as BF16. */
  private static Program layer(int inputs, int outputs, float[] weights, boolean fp8) {
    Models models = new Models(1);
    int x = models.input(inputs);
    Tensor bias = models.tensor(outputs);
    if (fp8) {
      models.withFp8Weights();
    }
    Tensor matrix = new Tensor(List.of(outputs, inputs), weights);
    Graph graph = models.build(models.add("fc", new Linear(matrix, bias, true, 0), x));
    return Models.compile(Presets.byName("amd_v80_c6b32"), graph);
  }

  private static float[] weights(int count, double scale, long seed) {
    Random random = new Random(seed);
    float[] weights = new float[count];
    for (int i = 0; i < count; i++) {
      weights[i] = Fp8E4M3.decode(Fp8E4M3.encode((float) (random.nextGaussian() * scale)));
    }
    return weights;
  }

  private static long bytes(Program program) {
    int[] words = ProgramPlan.of(program, VmMode.BIT_ACCURATE, 1).words();
    return 4L * (words.length - PackedWeights.START);
  }

  @Test
  void fp8WeightsTakeAByteAndBf16WeightsTwo() {
    float[] weights = weights(INPUTS * OUTPUTS, 0.1, 1);
    assertEquals(INPUTS * OUTPUTS, bytes(layer(INPUTS, OUTPUTS, weights, true)));
    assertEquals(2 * INPUTS * OUTPUTS, bytes(layer(INPUTS, OUTPUTS, weights, false)));
  }

  @Test
  void aLargeFp8WeightTakesTwoBytesWithTheSumsBesideIt() {
    float[] weights = weights(INPUTS * OUTPUTS, 0.1, 2);
    weights[0] = 64f;
    long bytes = bytes(layer(INPUTS, OUTPUTS, weights, true));
    assertEquals(INPUTS * OUTPUTS + INPUTS * Tile.MOST_LANES, bytes);
  }

  @Test
  void theWeightsOfAllTilesStartOnCacheLines() {
    Program program =
        layer(77, 3 * Tile.MOST_LANES, weights(77 * 3 * Tile.MOST_LANES, 1, 3), false);
    ModelPlan plan = ProgramPlan.of(program, VmMode.BIT_ACCURATE, 1).models().get(0);
    int products = 0;
    for (int[] step : plan.steps()[0][0]) {
      if (step[0] == Opcode.MATVEC.ordinal()) {
        for (int tile = 0; tile < step[8]; tile++) {
          assertEquals(0, (step[6] + tile * step[12] + 4) % 16);
          products++;
        }
      }
    }
    assertEquals(3, products);
  }

  @Property(tries = 60)
  void fp8WeightsGiveTheBitsOfTheSameWeightsInBf16(
      @ForAll @IntRange(min = 1, max = 150) int inputs,
      @ForAll @IntRange(min = 1, max = 150) int outputs,
      @ForAll @IntRange(min = -9, max = 9) int scale,
      @ForAll long seed) {
    float[] weights = weights(inputs * outputs, Math.scalb(1, scale), seed);
    assertArrayEquals(
        Models.bits(layer(inputs, outputs, weights, false), seed, 2),
        Models.bits(layer(inputs, outputs, weights, true), seed, 2));
  }
}
