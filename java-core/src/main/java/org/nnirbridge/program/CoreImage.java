package org.nnirbridge.program;

import java.util.List;

/**
 * What is loaded into one core before the first inference, shared by all models.
 *
 * @param weights the weight blocks one after another; in each, value {@code [k * B + j]} multiplies
 *     input lane k and adds to output lane j
 * @param clampMinimum the lower bounds of the clamp store
 * @param clampMaximum the upper bounds
 * @param tensorBlocks how many blocks of tensor RAM the program uses
 * @param cellBlocks how many of the cell store
 * @param accumulators how many accumulators
 */
public record CoreImage(
    float[] weights,
    List<FixedBlock> constants,
    float[] clampMinimum,
    float[] clampMaximum,
    int tensorBlocks,
    int cellBlocks,
    int accumulators) {
  public CoreImage {
    constants = List.copyOf(constants);
  }

  public int weightBlocks(int blockSize) {
    return weights.length / (blockSize * blockSize);
  }
}
