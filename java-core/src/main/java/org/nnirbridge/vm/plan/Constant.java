package org.nnirbridge.vm.plan;

import java.nio.IntBuffer;

/** A block that never changes, as the bits of its values. */
record Constant(IntBuffer bits) implements Value {
  static Constant of(float[] values) {
    int[] bits = new int[values.length];
    for (int j = 0; j < bits.length; j++) {
      bits[j] = Float.floatToRawIntBits(values[j]);
    }
    return new Constant(IntBuffer.wrap(bits));
  }

  static Constant zero(int blockSize) {
    return new Constant(IntBuffer.allocate(blockSize));
  }
}
