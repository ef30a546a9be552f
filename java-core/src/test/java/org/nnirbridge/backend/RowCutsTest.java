package org.nnirbridge.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.statistics.Statistics;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.compiler.CompileOptions;
import org.nnirbridge.compiler.Compiler;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.latency.LatencyEstimator;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

/** Rows of blocks in pieces on several cores: the same bits, in less room or in fewer cycles. */
class RowCutsTest {
  private static final CompileOptions AS_IT_IS =
      CompileOptions.fromJson("{\"optimize_transforms\": false}");

  @Property(tries = 60)
  void rowsThatFitNoStoreAreSharedOut(
      @ForAll long seed, @ForAll @IntRange(min = 2, max = 5) int cores, @ForAll boolean recurrent) {
    Random random = new Random(seed);
    HardwareConfig roomy = Presets.ipCore(cores, 2 + random.nextInt(3));
    int width = roomy.blockSize() * (18 + random.nextInt(20)) - random.nextInt(2);
    Graph model = recurrent ? recurrent(seed, width) : dense(seed, width, 1 + random.nextInt(5));
    Program whole = Models.compile(roomy, model);
    int blocks = whole.metrics().weightStoreUsed().stream().mapToInt(Integer::intValue).sum();
    Program shared = Models.compile(withDepth(roomy, blocks / cores + 8), model);
    Statistics.collect(
        shared.metrics().weightStoreUsed().equals(whole.metrics().weightStoreUsed()));
    Statistics.coverage(coverage -> coverage.check(false).percentage(share -> share > 30));
    assertArrayEquals(Models.bits(whole, seed, 3), Models.bits(shared, seed, 3));
  }

  @Property(tries = 30)
  void aRowTooManyIsCutWhereThatIsFaster(
      @ForAll long seed,
      @ForAll @IntRange(min = 2, max = 6) int cores,
      @ForAll @IntRange(min = 100, max = 300) int columns) {
    HardwareConfig board = Presets.ipCore(cores, 2);
    Graph model = dense(seed, 2 * columns, 2 * (cores + 1));
    Program asItIs = compile(board, model, AS_IT_IS);
    Program optimized = compile(board, model, CompileOptions.DEFAULT);
    Statistics.collect(cycles(optimized) < cycles(asItIs));
    Statistics.coverage(coverage -> coverage.check(true).percentage(share -> share > 30));
    assertTrue(cycles(optimized) <= cycles(asItIs));
    assertArrayEquals(Models.bits(asItIs, seed, 2), Models.bits(optimized, seed, 2));
  }

  @Test
  void aLayerOfMoreInputsThanAStoreHasRoomForFits() {
    Models models = new Models(5);
    HardwareConfig board = Presets.byName("bittware_ia420f_c6b32");
    int inputs = (board.weightStoreDepth() + 100) * board.blockSize();
    Graph model = models.build(models.linear(models.input(inputs), 40));
    Program program = Models.compile(board, model);
    Program onOneCore = Models.compile(Presets.byName("amd_v80_c6b32"), model);
    assertArrayEquals(Models.bits(onOneCore, 5, 1), Models.bits(program, 5, 1));
  }

  private static Graph dense(long seed, int width, int out) {
    Models models = new Models(seed);
    return models.build(models.relu(models.linear(models.input(width), out)));
  }

  private static Graph recurrent(long seed, int width) {
    Models models = new Models(seed);
    Graph whole = models.build(models.linear(models.lstm(models.input(3, width), 5), width));
    return StreamingTransform.apply(whole, List.of(0)).graph();
  }

  private static Program compile(HardwareConfig board, Graph model, CompileOptions options) {
    return Compiler.compile(board, List.of(new Compiler.Model(model, "m", options)));
  }

  private static long cycles(Program program) {
    return LatencyEstimator.estimate(program, 0, 32, 64, true).cycles();
  }

  private static HardwareConfig withDepth(HardwareConfig board, int weightStoreDepth) {
    return new HardwareConfig(
        "tight",
        board.numCores(),
        board.blockSize(),
        board.tensorRamDepth(),
        board.tensorDescriptorCount(),
        weightStoreDepth,
        board.accumStoreDepth(),
        board.cellStateDepth(),
        board.clampStoreDepth(),
        board.maxReadSize(),
        board.ioSize(),
        board.fabric(),
        board.clockMhz(),
        board.features(),
        board.timing(),
        board.host());
  }
}
