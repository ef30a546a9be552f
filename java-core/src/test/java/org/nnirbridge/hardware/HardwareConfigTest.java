package org.nnirbridge.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.nnirbridge.diagnostic.InvalidArgument;

class HardwareConfigTest {
  @Test
  void readsBackWhatItWrote() {
    HardwareConfig config = Presets.ipCore(3, 8);
    assertEquals(config, HardwareConfig.fromJson(config.toJson()));
  }

  @Test
  void aFractionIsRefusedWhereAWholeNumberIsNeeded() {
    String json =
        Presets.ipCore(3, 8).toJson().replaceFirst("\"clock_mhz\":\\d+", "\"clock_mhz\":322.5");
    InvalidArgument error =
        assertThrows(InvalidArgument.class, () -> HardwareConfig.fromJson(json));
    assertTrue(error.getMessage().startsWith("config: not a valid configuration: "));
    assertTrue(error.getMessage().contains("322.5"), error.getMessage());
  }
}
