package org.nnirbridge.latency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.nnirbridge.Models;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.hardware.HardwareConfig;
import org.nnirbridge.hardware.Presets;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.op.RmsNorm;
import org.nnirbridge.program.Program;
import org.nnirbridge.transform.StreamingTransform;

class LatencyEstimatorTest {
  private static final HardwareConfig BOARD = Presets.byName("bittware_ia420f_c6b32");

  private static long cycles(Program program, boolean spaced) {
    return LatencyEstimator.estimate(program, 0, 32, 64, spaced).cycles();
  }

  @Test
  void aModelWithoutStateTakesOneCycleMoreBackToBack() {
    Program program = Models.compile(BOARD, Models.mlp());
    assertEquals(cycles(program, true) + 1, cycles(program, false));
  }

  @Test
  void theOlderTapsOfAConvolutionAreFreeAfterIdleTime() {
    long shortKernel = cycles(convolution(8), true);
    assertEquals(shortKernel, cycles(convolution(32), true));
  }

  @Test
  void everyOlderTapOfAConvolutionCountsRightAfterAnotherInference() {
    // Each of two cores has one block row of two blocks.
    long further = cycles(convolution(64), false) - cycles(convolution(48), false);
    assertEquals((64 - 48) * 2, further);
  }

  private static Program convolution(int kernel) {
    Models models = new Models(1);
    Graph graph =
        models.build(models.relu(models.paddedConv(models.input(64, 9), 64, kernel, 1, false)));
    return Models.compile(BOARD, StreamingTransform.apply(graph, List.of(1)).graph());
  }

  @Test
  void choosingBetweenModelsCostsAFewCycles() {
    long alone = cycles(Models.compile(BOARD, Models.mlp()), true);
    long chosen = cycles(Models.compile(BOARD, Models.mlp(), Models.mlp()), true);
    assertTrue(chosen > alone && chosen < alone + 10, alone + " became " + chosen);
  }

  @Test
  void theEstimateDependsOnTheDescribedUnits() {
    long fast = cycles(Models.compile(Presets.byName("amd_v80_c6b32"), Models.mlp()), true);
    assertTrue(fast < cycles(Models.compile(BOARD, Models.mlp()), true));
  }

  @Test
  void manyBlocksBetweenCoresFitTheDefaultQueues() {
    Models models = new Models(5);
    int wide = models.relu(models.linear(models.input(8, 512), 1024));
    Program program =
        Models.compile(Presets.byName("amd_v80_c6b32"), models.build(models.linear(wide, 512)));
    assertTrue(cycles(program, true) > 8 * 512 * 1024 / (6 * 32 * 32));
  }

  @Test
  void aNormalizationCostsAFewCyclesABlock() {
    double perBlock =
        (cycles(normalized(64 * 32), true) - cycles(normalized(32 * 32), true)) / 32.0;
    double withoutIt = (cycles(plain(64 * 32), true) - cycles(plain(32 * 32), true)) / 32.0;
    assertTrue(
        perBlock - withoutIt > 5 && perBlock - withoutIt < 9, perBlock + " against " + withoutIt);
  }

  private static Program normalized(int extent) {
    Models models = new Models(1);
    RmsNorm norm = new RmsNorm(List.of(0), 1e-5f, Optional.of(models.tensor(extent)));
    return Models.compile(BOARD, models.build(models.add("norm", norm, models.input(extent))));
  }

  private static Program plain(int extent) {
    Models models = new Models(1);
    return Models.compile(BOARD, models.build(models.relu(models.input(extent))));
  }

  @Test
  void aQueueOfNothingIsRefused() {
    Program program = Models.compile(BOARD, Models.mlp());
    InvalidArgument error =
        assertThrows(
            InvalidArgument.class, () -> LatencyEstimator.estimate(program, 0, 0, 64, true));
    assertEquals(
        "write_queue_capacity is 0 and output_buffer_capacity 64; both must be at least 1",
        error.getMessage());
  }
}
