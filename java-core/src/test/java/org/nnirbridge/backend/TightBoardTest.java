package org.nnirbridge.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.statistics.Statistics;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.nnir.op.Unary;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

/** On boards with hardly enough of everything a model gives its bits or is refused. */
class TightBoardTest {
  private static final int STEPS = 4;

  @Property(tries = 200)
  void aModelGivesItsBitsOrDoesNotFit(@ForAll long seed) {
    Random random = new Random(seed);
    int cores = 1 + random.nextInt(4);
    int blockSize = 2 + random.nextInt(7);
    HardwareConfig roomy = Presets.ipCore(cores, blockSize);
    Graph model = model(seed, random);
    Program program;
    try {
      program = Models.compile(tight(roomy, random), model);
    } catch (DoesNotFit doesNot) {
      collect(false);
      return;
    }
    collect(true);
    assertArrayEquals(
        Models.bits(Models.compile(roomy, model), seed, STEPS), Models.bits(program, seed, STEPS));
  }

  /** A fair share of the boards shall be too small, and of the models fit. */
  private static void collect(boolean fits) {
    Statistics.collect(fits);
    Statistics.coverage(
        coverage -> {
          coverage.check(true).percentage(share -> share > 15);
          coverage.check(false).percentage(share -> share > 15);
        });
  }

  @Test
  void threeLayersOf1024FillAnIa420f() {
    Models models = new Models(3);
    int x = models.input(1024);
    for (int layer = 0; layer < 3; layer++) {
      x = models.relu(models.linear(x, 1024));
    }
    Program program = Models.compile(Presets.byName("bittware_ia420f_c6b32"), models.build(x));
    assertTrue(
        program.metrics().weightStoreUsed().stream().allMatch(blocks -> blocks == 512),
        program.metrics().weightStoreUsed().toString());
  }

  private static HardwareConfig tight(HardwareConfig roomy, Random random) {
    return new HardwareConfig(
        "tight",
        roomy.numCores(),
        roomy.blockSize(),
        8 + random.nextInt(60),
        random.nextInt(8),
        2 + random.nextInt(30),
        1 + random.nextInt(12),
        random.nextInt(6),
        random.nextInt(3),
        1 + random.nextInt(4),
        roomy.ioSize(),
        roomy.fabric(),
        roomy.clockMhz(),
        List.of(),
        roomy.timing(),
        roomy.host());
  }

  private static Graph model(long seed, Random random) {
    Models models = new Models(seed);
    int x = models.input(3, 2 + random.nextInt(10));
    if (random.nextInt(3) == 0) {
      x = models.lstm(x, 2 + random.nextInt(8));
    }
    int y = models.linear(x, 3 + random.nextInt(12));
    if (random.nextBoolean()) {
      y = models.add("f", new Unary(UnaryFunction.TANH), y);
    }
    if (random.nextBoolean()) {
      y = models.add("norm", new RmsNorm(List.of(1), 1e-5f, Optional.empty()), y);
    }
    int z = models.relu(models.linear(y, 7));
    int sum = models.add("add", new Binary(BinaryFunction.ADD), models.linear(x, 7), z);
    Graph whole = models.build(sum);
    return random.nextBoolean() ? StreamingTransform.apply(whole, List.of(0)).graph() : whole;
  }
}
