package org.nnirbridge.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.hardware.Timing;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.op.Binary;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.nnir.op.Unary;
import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.UnaryFunction;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

/** The event simulation gives what the rules give, on random programs with random unit times. */
class ReferenceTimingTest {
  @Property(tries = 60)
  void theEstimateIsThatOfTheRules(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 4) int cores,
      @ForAll @IntRange(min = 2, max = 9) int blockSize,
      @ForAll boolean spaced,
      @ForAll @IntRange(min = 1, max = 40) int linkCapacity) {
    Random random = new Random(seed);
    HardwareConfig board = Presets.ipCore(cores, blockSize).withTiming(timing(random));
    Program program = Models.compile(board, model(seed, random));
    // Where links are too short the rules have no solution.
    Optional<Long> estimate = estimate(program, linkCapacity, spaced);
    Assume.that(estimate.isPresent());
    assertEquals(ReferenceTiming.cycles(program, linkCapacity, spaced), estimate.get());
  }

  @Property(tries = 30)
  void otherTimesForTheSameInstructionsGiveThatOfTheRulesToo(@ForAll long seed) {
    Random random = new Random(seed);
    Program program = Models.compile(Presets.ipCore(3, 4), model(seed, random));
    Program retimed = program.withTiming(timing(random));
    long estimate = estimate(retimed, 32, true).orElseThrow();
    assertEquals(ReferenceTiming.cycles(retimed, 32, true), estimate);
  }

  /** Nothing where the links are too short for the program. */
  private static Optional<Long> estimate(Program program, int linkCapacity, boolean spaced) {
    try {
      return Optional.of(LatencyEstimator.estimate(program, 0, linkCapacity, 64, spaced).cycles());
    } catch (InvalidArgument tooShort) {
      return Optional.empty();
    }
  }

  private static Timing timing(Random random) {
    return new Timing(
        random.nextInt(30),
        1 + random.nextInt(4),
        1 + random.nextInt(8),
        1 + random.nextInt(16),
        1 + random.nextInt(6),
        1 + random.nextInt(12),
        random.nextInt(15),
        random.nextInt(30),
        random.nextInt(20),
        random.nextInt(5),
        1 + random.nextInt(10));
  }

  private static Graph model(long seed, Random random) {
    Models models = new Models(seed);
    int width = 3 + random.nextInt(14);
    int x = models.input(3, width);
    if (random.nextBoolean()) {
      x = models.lstm(x, 2 + random.nextInt(12));
    }
    int y = models.linear(x, 4 + random.nextInt(20));
    if (random.nextBoolean()) {
      y = models.add("f", new Unary(UnaryFunction.TANH), y);
    }
    int z = models.linear(y, 7);
    if (random.nextBoolean()) {
      z = models.add("norm", new RmsNorm(List.of(1), 1e-5f, Optional.empty()), z);
    }
    int sum = models.add("add", new Binary(BinaryFunction.ADD), models.linear(x, 7), z);
    Graph whole = models.build(random.nextBoolean() ? models.relu(sum) : sum);
    return random.nextBoolean() ? StreamingTransform.apply(whole, List.of(0)).graph() : whole;
  }
}
