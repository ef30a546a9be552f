package org.nnirbridge.vm.kernel;

/** How the weights of several inputs for one lane share an int. */
public enum Packing {
  /** Two BF16 weights, the even input's in the low half. */
  PAIRS(2) {
    @Override
    public float weight(int word, int input) {
      return Float.intBitsToFloat(input % 2 == 0 ? word << Short.SIZE : word & 0xFFFF0000);
    }

    @Override
    int bits(float weight) {
      return Float.floatToRawIntBits(weight) >>> Short.SIZE;
    }

    @Override
    int shift(int input) {
      return input % 2 * Short.SIZE;
    }
  },

  /**
   * Four weights of FP8's precision in a byte each: the sign, four bits of exponent and three of
   * fraction. Exponent 0 is the value 0; from 1 on it stands for 2^-9 to 2^5, so that FP8's
   * subnormals are normal numbers here and unpacking is a shift and a mask. What that leaves out,
   * FP8 values from 64 on, are rare weights.
   *
   * <p>The bytes from the lowest on are those of inputs 0, 2, 1 and 3 of four, so that the even and
   * odd bytes of an int are pairs.
   */
  QUADS(4) {
    @Override
    public float weight(int word, int input) {
      int top = word >>> shift(input) << Integer.SIZE - Byte.SIZE;
      return Float.intBitsToFloat(top >> QUAD_SHIFT & QUAD_MASK) * QUAD_SCALE;
    }

    @Override
    int bits(float weight) {
      int bits = Float.floatToRawIntBits(weight / QUAD_SCALE);
      return bits >>> 24 & 0x80 | bits >>> 20 & 0x7F;
    }

    @Override
    int shift(int input) {
      return input % 2 * Short.SIZE + input / 2 % 2 * Byte.SIZE;
    }
  };

  /** From the top byte of an int to the bits of a float32 that is {@link #QUAD_SCALE} too small. */
  public static final int QUAD_SHIFT = 4;

  public static final int QUAD_MASK = 0x87F00000;
  public static final float QUAD_SCALE = 0x1p117f;

  private final int inputs;

  Packing(int inputs) {
    this.inputs = inputs;
  }

  /** The ints that a lane's weights take. */
  public int words(int allInputs) {
    return (allInputs + inputs - 1) / inputs;
  }

  /** The weight of an input, from the int that holds it. */
  public abstract float weight(int word, int input);

  /** Whether a weight can be packed without a change. */
  public boolean holds(float weight) {
    float unpacked = weight(bits(weight) << shift(0), 0);
    return Float.floatToRawIntBits(unpacked) == Float.floatToRawIntBits(weight);
  }

  /** The int with the weight of one more input. */
  public int with(int word, int input, float weight) {
    return word | bits(weight) << shift(input);
  }

  /** Which of a lane's ints holds an input's weight. */
  public int word(int input) {
    return input / inputs;
  }

  abstract int bits(float weight);

  abstract int shift(int input);
}
