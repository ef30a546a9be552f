package org.nnirbridge.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.nnirbridge.diagnostic.InvalidArgument;

class ObjectTableTest {
  private final ObjectTable objects = new ObjectTable();

  @Test
  void givesBackWhatWasPut() {
    objects.put(7, "seven");
    assertEquals("seven", objects.get(7, String.class));
    assertEquals("seven", objects.take(7, String.class));
    assertEquals(0, objects.size());
  }

  @Test
  void refusesUnknownHandlesAndOtherTypes() {
    objects.put(7, "seven");
    assertEquals(
        "the gateway holds no Integer with handle 7",
        assertThrows(InvalidArgument.class, () -> objects.get(7, Integer.class)).getMessage());
    assertThrows(InvalidArgument.class, () -> objects.get(8, String.class));
  }

  @Test
  void neverKeepsAnObjectReleasedBeforeItCame() {
    objects.release(7);
    objects.put(7, "late");
    assertEquals(0, objects.size());
  }
}
