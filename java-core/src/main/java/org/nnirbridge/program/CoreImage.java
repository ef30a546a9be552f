package org.nnirbridge.program;

import java.util.List;
import org.nnirbridge.numerics.Fp8E4M3;

/**
 * What is loaded into one core before the first inference, shared by all models.
 *
 * @param fp8Weights the first weight blocks, one after another, as bits of FP8 E4M3; in each, value
 *     {@code [k * B + j]} multiplies input lane k and adds to output lane j
 * @param weights the weight blocks that follow, laid out alike, to be rounded to BF16
 * @param clampMinimum the lower bounds of the clamp store
 * @param clampMaximum the upper bounds
 * @param tensorBlocks how many blocks of tensor RAM the program uses
 * @param cellBlocks how many of the cell store
 * @param accumulators how many accumulators
 */
public record CoreImage(
    byte[] fp8Weights,
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
    return (fp8Weights.length + weights.length) / (blockSize * blockSize);
  }

  /** A weight by its place among all weights, FP8 ones first. */
  public float weight(int index) {
    return index < fp8Weights.length
        ? Fp8E4M3.decode(fp8Weights[index])
        : weights[index - fp8Weights.length];
  }

  /** How much of the weight store's depth is taken. */
  public int weightStoreUsed(int blockSize) {
    int weightBlock = blockSize * blockSize;
    return weightStoreUsed(fp8Weights.length / weightBlock, weights.length / weightBlock);
  }

  /** The depth that blocks take: two FP8 ones share the place of one of BF16. */
  public static int weightStoreUsed(int fp8Blocks, int bf16Blocks) {
    return bf16Blocks + (fp8Blocks + 1) / 2;
  }
}
