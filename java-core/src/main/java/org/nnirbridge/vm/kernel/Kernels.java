package org.nnirbridge.vm.kernel;

import org.nnirbridge.numerics.BinaryFunction;
import org.nnirbridge.numerics.NumberFormat;
import org.nnirbridge.numerics.UnaryFunction;

/**
 * The machine's arithmetic on blocks of a core's memory (docs/numerics.md). Every implementation
 * gives the same bits.
 *
 * <p>Offsets are into the core's memory or weights, in values. Not safe for use by several threads.
 */
public interface Kernels {
  /**
   * Adds weight blocks times vectors to an accumulator: per output lane one sum, inputs in order.
   */
  void matVec(float[] memory, int accumulator, float[] weights, int weight, int source, int inputs);

  /** Rounds an accumulator to a format. */
  void store(float[] memory, int target, int accumulator, NumberFormat format);

  /** Clamps each lane to bounds, which are rounded to the format first. */
  void bound(
      float[] memory, int target, int source, float minimum, float maximum, NumberFormat format);

  /** A function of each lane, rounded. */
  void map(float[] memory, int target, int source, UnaryFunction function, NumberFormat format);

  /** A function of two blocks on each lane, rounded. */
  void zip(float[] memory, int target, int a, int b, BinaryFunction function, NumberFormat format);

  /** The sum plus the product of two blocks on each lane, rounded. */
  void multiplyAdd(float[] memory, int target, int sum, int a, int b, NumberFormat format);

  /** An LSTM's cell state from the sums of its gates i, f, g and its cell state. */
  void lstmCell(float[] memory, int target, int i, int f, int g, int cell);

  /** An LSTM's hidden state from the sum of its gate o and its new cell state. */
  void lstmHidden(float[] memory, int target, int o, int cell);
}
