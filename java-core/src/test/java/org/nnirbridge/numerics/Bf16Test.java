package org.nnirbridge.numerics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class Bf16Test {
  @Test
  void keepsEveryBf16Value() {
    for (int high = 0; high < 1 << 16; high++) {
      float value = Float.intBitsToFloat(high << 16);
      int expected = Float.isNaN(value) ? 0x7FC00000 : high << 16;
      assertEquals(expected, Float.floatToRawIntBits(Bf16.round(value)));
      assertEquals(expected, Float.floatToRawIntBits(Bf16.truncate(value)));
    }
  }

  @Property(tries = 20_000)
  void roundsToTheNearerNeighbourAndTiesToEven(@ForAll int bits) {
    float value = Float.intBitsToFloat(bits);
    float rounded = Bf16.round(value);
    if (Float.isNaN(value)) {
      assertEquals(0x7FC00000, Float.floatToRawIntBits(rounded));
      return;
    }
    int low = bits & 0xFFFF;
    int down = bits & 0xFFFF0000;
    boolean up = low > 0x8000 || (low == 0x8000 && (bits >>> 16 & 1) == 1);
    assertEquals(up ? down + 0x10000 : down, Float.floatToRawIntBits(rounded));
  }

  @Property(tries = 5_000)
  void truncatesTowardsZero(@ForAll float value) {
    float truncated = Bf16.truncate(value);
    assertTrue(Float.isNaN(value) || Math.abs(truncated) <= Math.abs(value));
  }

  @Test
  void overflowsToInfinity() {
    assertEquals(Float.POSITIVE_INFINITY, Bf16.round(Float.MAX_VALUE));
    assertEquals(Float.NEGATIVE_INFINITY, Bf16.round(-Float.MAX_VALUE));
  }
}
