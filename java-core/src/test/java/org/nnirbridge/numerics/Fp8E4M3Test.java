package org.nnirbridge.numerics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class Fp8E4M3Test {
  private static final int LARGEST = 0x7E;

  /** The format's definition: the value of a positive finite code, or of one beyond the largest. */
  private static double valueOf(int code) {
    int exponent = code >> 3;
    int fraction = code & 7;
    return exponent == 0
        ? StrictMath.scalb(fraction, -9)
        : StrictMath.scalb(8 + fraction, exponent - 10);
  }

  private static int encoded(float value) {
    return Fp8E4M3.encode(value) & 0xFF;
  }

  @Test
  void everyCodeHasTheValueThatTheFormatDefines() {
    for (int code = 0; code <= LARGEST; code++) {
      assertEquals(valueOf(code), Fp8E4M3.decode((byte) code));
      assertEquals(-valueOf(code), Fp8E4M3.decode((byte) (0x80 | code)));
    }
    for (int nan : new int[] {0x7F, 0xFF}) {
      assertEquals(0x7FC00000, Float.floatToRawIntBits(Fp8E4M3.decode((byte) nan)));
    }
  }

  @Test
  void keepsEveryValueWithItsSign() {
    for (int code = 0; code < 256; code++) {
      int expected = (code & 0x7F) == 0x7F ? 0x7F : code;
      assertEquals(expected, encoded(Fp8E4M3.decode((byte) code)));
    }
  }

  @Test
  void roundsToTheNearerNeighbourAndTiesToEven() {
    for (int code = 0; code < LARGEST; code++) {
      float between = (float) ((valueOf(code) + valueOf(code + 1)) / 2);
      int even = code + (code & 1);
      assertEquals(code, encoded(Math.nextDown(between)));
      assertEquals(even, encoded(between));
      assertEquals(code + 1, encoded(Math.nextUp(between)));
      assertEquals(0x80 | even, encoded(-between));
    }
  }

  @Property(tries = 20_000)
  void noOtherValueIsNearer(@ForAll int bits) {
    float value = Float.intBitsToFloat(bits);
    int code = encoded(value);
    if (Float.isNaN(value)) {
      assertEquals(0x7F, code);
      return;
    }
    double magnitude = Math.min(Math.abs((double) value), valueOf(LARGEST));
    double error = Math.abs(valueOf(code & 0x7F) - magnitude);
    for (int other = 0; other <= LARGEST; other++) {
      assertTrue(error <= Math.abs(valueOf(other) - magnitude));
    }
    assertEquals(bits < 0, code >= 0x80);
  }

  @Test
  void saturatesBeyondTheLargestValue() {
    for (float value : new float[] {449, 464, 480, Float.MAX_VALUE, Float.POSITIVE_INFINITY}) {
      assertEquals(LARGEST, encoded(value));
      assertEquals(0x80 | LARGEST, encoded(-value));
    }
  }
}
