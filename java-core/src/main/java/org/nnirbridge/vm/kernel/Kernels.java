package org.nnirbridge.vm.kernel;

import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * The machine's arithmetic on lanes of a memory (docs/numerics.md). Every implementation gives the
 * same bits.
 *
 * <p>Places are offsets into the memory. Not safe for use by several threads.
 */
public interface Kernels {
  /**
   * Products of packed weights with the same inputs, added up in order for each lane: {@code sum =
   * fma(weight, input, sum)}, from a start.
   *
   * @param sums where the sums go
   * @param start what they start from
   * @param width how many sums, a multiple of 16
   * @param words the weights as {@code [packing.word(input)][lane]}
   * @param weights where they start
   * @param times how often this is done, on places that lie strides apart
   */
  void addProducts(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      int[] words,
      Packing packing,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride);

  /** The same with float32 weights as {@code [input][lane]}. */
  void addProducts(
      float[] memory,
      int sums,
      int start,
      int width,
      int source,
      int inputs,
      float[] floats,
      int weights,
      int times,
      int sumsStride,
      int startStride,
      int sourceStride,
      int weightsStride);

  /** Rounds lanes to a format. */
  void store(float[] memory, int target, int source, NumberFormat format, int lanes);

  /** Truncates lanes to BF16. */
  void truncate(float[] memory, int target, int source, int lanes);

  /** Clamps lanes to bounds, which are rounded to the format first. */
  void bound(
      float[] memory,
      int target,
      int source,
      float minimum,
      float maximum,
      NumberFormat format,
      int lanes);

  /** A function of each lane, rounded. */
  void map(
      float[] memory,
      int target,
      int source,
      UnaryFunction function,
      NumberFormat format,
      int lanes);

  /** A function of two values on each lane, rounded. */
  void zip(
      float[] memory,
      int target,
      int a,
      int b,
      BinaryFunction function,
      NumberFormat format,
      int lanes);

  /** The sum plus the product of two values on each lane, rounded. */
  void multiplyAdd(
      float[] memory, int target, int sum, int a, int b, NumberFormat format, int lanes);

  /**
   * Joins the first {@code count} lanes one by one, ascending, to the first lane of another block;
   * the result, rounded, goes to all {@code lanes} lanes.
   */
  void fold(
      float[] memory,
      int target,
      int initial,
      int source,
      BinaryFunction function,
      int count,
      NumberFormat format,
      int lanes);

  /** On each lane {@code a} where the mask is not zero, else {@code b}, rounded. */
  void select(float[] memory, int target, int mask, int a, int b, NumberFormat format, int lanes);

  /** An LSTM's cell state from the sums of its gates i, f, g and its cell state. */
  void lstmCell(float[] memory, int target, int i, int f, int g, int cell, int lanes);

  /** An LSTM's hidden state from the sum of its gate o and its new cell state. */
  void lstmHidden(float[] memory, int target, int o, int cell, int lanes);
}
