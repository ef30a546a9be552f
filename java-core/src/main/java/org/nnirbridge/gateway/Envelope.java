package org.nnirbridge.gateway;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.diagnostic.UnsupportedModel;

/** The JSON text in which every answer crosses, results and errors alike. */
final class Envelope {
  private static final Logger LOG = Logger.getLogger(Envelope.class.getName());
  static final ObjectMapper JSON =
      new ObjectMapper().setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  private Envelope() {}

  /** Returns the JSON of what the call returns, or of what it throws. */
  static String around(Callable<?> call) {
    try {
      return JSON.writeValueAsString(call.call());
    } catch (Throwable e) {
      return error(e);
    }
  }

  static String error(Throwable error) {
    Map<String, String> named = Map.of("type", type(error), "message", message(error));
    try {
      return JSON.writeValueAsString(Map.of("error", named));
    } catch (JsonProcessingException e) {
      return "{\"error\":{\"type\":\"RuntimeError\",\"message\":\"internal error\"}}";
    }
  }

  private static String type(Throwable error) {
    if (error instanceof UnsupportedModel || error instanceof InvalidArgument) {
      return "ValueError";
    }
    if (error instanceof DoesNotFit) {
      return "AllocationError";
    }
    if (error instanceof MalformedProgram || error instanceof MalformedFile) {
      return "LoadError";
    }
    return "RuntimeError";
  }

  private static String message(Throwable error) {
    if (!type(error).equals("RuntimeError")) {
      return String.valueOf(error.getMessage());
    }
    LOG.log(Level.SEVERE, "internal error", error);
    if (error instanceof OutOfMemoryError) {
      return "the gateway's JVM is out of memory (limit "
          + (Runtime.getRuntime().maxMemory() >> 20)
          + " MiB); set NNIR_BRIDGE_JAVA_OPTIONS=-Xmx8g, or another size, and start again";
    }
    return "internal error of NNIR Bridge (" + error + "); please report it with the gateway's log";
  }
}
