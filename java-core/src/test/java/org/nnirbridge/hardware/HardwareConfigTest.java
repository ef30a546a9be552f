package org.nnirbridge.hardware;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nnirbridge.diagnostic.InvalidArgument;

class HardwareConfigTest {
  @Test
  void readsBackWhatItWrote() {
    HardwareConfig config = Presets.ipCore(3, 8);
    assertEquals(config, HardwareConfig.fromJson(config.toJson()));
  }

  private static String refusal(String what, String by) {
    String json = Presets.ipCore(3, 8).toJson().replaceFirst(what, by);
    return assertThrows(InvalidArgument.class, () -> HardwareConfig.fromJson(json)).getMessage();
  }

  /** What in the JSON of a board is replaced, by what, and what is said then. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "clock_mhz":\\d+ | "clock_mhz":322.5 | clock_mhz is 322.5; an integer of 32 bits is needed
          "io_size":8 | "io_size":"8" | io_size is "8"; an integer of 32 bits is needed
          "io_size":8 | "io_size":1099511627776 | io_size is 1099511627776; an integer of 32 bits is needed
          "io_size":8, | `` | io_size is missing; give an integer of 32 bits
          "link_latency":\\d+ | "link_latency":null | timing.link_latency is missing; give an integer of 32 bits
          "features":\\[\\] | "features":"fp8" | features is "fp8"; a list is needed
          "features":\\[\\] | "features":["fp9"] | feature fp9 is not known; use "fp8" or "lstm_only"
          "timing":\\{[^}]*\\} | "timing":3 | timing is 3; an object of names and integers is needed
          "host":\\{ | "host":{"speed":1, | host.speed is not known; the names are bytes_per_ns, round_trip_ns
          """)
  void refusalsNameThePlaceTheValueAndWhatIsNeeded(String what, String by, String said) {
    assertEquals("config: " + said, refusal(what, by));
  }

  @Test
  void whatIsNoJsonIsRefused() {
    InvalidArgument error =
        assertThrows(InvalidArgument.class, () -> HardwareConfig.fromJson("{\"num_cores\": }"));
    assertTrue(error.getMessage().startsWith("config: not a valid configuration: "));
  }
}
