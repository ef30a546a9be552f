package org.nnirbridge.vm.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.Fp8E4M3;

class PackingTest {
  @ParameterizedTest
  @EnumSource(Packing.class)
  void aWeightThatAPackingHoldsComesBackAmongOthers(Packing packing) {
    for (int code = 0; code < 1 << 16; code++) {
      float weight = Bf16.canonical(Float.intBitsToFloat(code << 16));
      if (packing.holds(weight)) {
        int word = 0;
        for (int input = 0; input < 4 && packing.word(input) == 0; input++) {
          word = packing.with(word, input, input % 2 == 0 ? weight : -1.5f);
        }
        for (int input = 0; input < 4 && packing.word(input) == 0; input++) {
          float expected = input % 2 == 0 ? weight : -1.5f;
          assertEquals(
              Float.floatToRawIntBits(expected),
              Float.floatToRawIntBits(packing.weight(word, input)));
        }
      }
    }
  }

  @Test
  void pairsHoldEveryBf16Value() {
    for (int code = 0; code < 1 << 16; code++) {
      assertTrue(Packing.PAIRS.holds(Bf16.canonical(Float.intBitsToFloat(code << 16))));
    }
  }

  @Test
  void quadsHoldEveryFp8ValueBelow64() {
    for (int code = 0; code < 256; code++) {
      float value = Fp8E4M3.decode((byte) code);
      assertEquals(Math.abs(value) < 64f, Packing.QUADS.holds(value), () -> "" + value);
    }
  }

  @Test
  void wordsAreCountedInWhole() {
    assertEquals(3, Packing.PAIRS.words(5));
    assertEquals(2, Packing.QUADS.words(5));
    assertEquals(0, Packing.QUADS.words(0));
  }
}
