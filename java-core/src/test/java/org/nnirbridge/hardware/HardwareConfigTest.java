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

  private static String refusal(String what, String by) {
    String json = Presets.ipCore(3, 8).toJson().replaceFirst(what, by);
    return assertThrows(InvalidArgument.class, () -> HardwareConfig.fromJson(json)).getMessage();
  }

  @Test
  void refusalsNameThePlaceTheValueAndWhatIsNeeded() {
    assertEquals(
        "config: clock_mhz is 322.5; an integer of 32 bits is needed",
        refusal("\"clock_mhz\":\\d+", "\"clock_mhz\":322.5"));
    assertEquals(
        "config: io_size is \"8\"; an integer of 32 bits is needed",
        refusal("\"io_size\":8", "\"io_size\":\"8\""));
    assertEquals(
        "config: io_size is 1099511627776; an integer of 32 bits is needed",
        refusal("\"io_size\":8", "\"io_size\":1099511627776"));
    assertEquals(
        "config: io_size is missing; give an integer of 32 bits", refusal("\"io_size\":8,", ""));
    assertEquals(
        "config: timing.link_latency is missing; give an integer of 32 bits",
        refusal("\"link_latency\":\\d+", "\"link_latency\":null"));
    assertEquals(
        "config: features is \"fp8\"; a list is needed",
        refusal("\"features\":\\[\\]", "\"features\":\"fp8\""));
    assertEquals(
        "config: feature fp9 is not known; use \"fp8\" or \"lstm_only\"",
        refusal("\"features\":\\[\\]", "\"features\":[\"fp9\"]"));
    assertEquals(
        "config: timing is 3; an object of names and integers is needed",
        refusal("\"timing\":\\{[^}]*\\}", "\"timing\":3"));
    assertEquals(
        "config: host.speed is not known; the names are bytes_per_ns, round_trip_ns",
        refusal("\"host\":\\{", "\"host\":{\"speed\":1,"));
  }

  @Test
  void whatIsNoJsonIsRefused() {
    InvalidArgument error =
        assertThrows(InvalidArgument.class, () -> HardwareConfig.fromJson("{\"num_cores\": }"));
    assertTrue(error.getMessage().startsWith("config: not a valid configuration: "));
  }
}
