package org.nnirbridge.hardware;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * How long values take between the host and the board.
 *
 * @param roundTripNanos from the host's memory to the board and back, beside the values' own time
 * @param bytesPerNano how many bytes cross in a nanosecond, either way
 */
public record HostLink(
    @JsonProperty("round_trip_ns") int roundTripNanos,
    @JsonProperty("bytes_per_ns") int bytesPerNano) {
  public HostLink {
    HardwareConfig.check("host: round_trip_ns", roundTripNanos, 0, 1_000_000_000);
    HardwareConfig.check("host: bytes_per_ns", bytesPerNano, 1, 1_000_000);
  }
}
