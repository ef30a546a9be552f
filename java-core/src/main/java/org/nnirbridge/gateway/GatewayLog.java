package org.nnirbridge.gateway;

import java.util.Arrays;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.nnirbridge.diagnostic.InvalidArgument;

/** How much the gateway's log says: the JDK's logging, to which SLF4J leads too. */
final class GatewayLog {
  private GatewayLog() {}

  /** Sets the level by Python's name for it. */
  static void setLevel(String name) {
    Level level =
        switch (name) {
          case "DEBUG" -> Level.FINE;
          case "INFO" -> Level.INFO;
          case "WARNING" -> Level.WARNING;
          case "ERROR", "CRITICAL" -> Level.SEVERE;
          default ->
              throw new InvalidArgument(
                  "level: %s is not one of DEBUG, INFO, WARNING, ERROR and CRITICAL"
                      .formatted(name));
        };
    Logger root = Logger.getLogger("");
    root.setLevel(level);
    Arrays.stream(root.getHandlers()).forEach((Handler handler) -> handler.setLevel(level));
  }
}
