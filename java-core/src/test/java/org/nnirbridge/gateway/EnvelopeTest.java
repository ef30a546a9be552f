package org.nnirbridge.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nnirbridge.diagnostic.DoesNotFit;
import org.nnirbridge.diagnostic.InvalidArgument;
import org.nnirbridge.diagnostic.MalformedProgram;
import org.nnirbridge.diagnostic.UnsupportedModel;

class EnvelopeTest {
  @Test
  void carriesAResultAsItsJson() {
    assertEquals("{\"cycles\":5}", Envelope.around(() -> Map.of("cycles", 5)));
  }

  @Test
  void namesTheExceptionThatPythonRaises() throws JsonProcessingException {
    assertEquals("ValueError", type(new UnsupportedModel("m")));
    assertEquals("ValueError", type(new InvalidArgument("m")));
    assertEquals("AllocationError", type(new DoesNotFit("m")));
    assertEquals("LoadError", type(new MalformedProgram("m")));
    assertEquals("RuntimeError", type(new IllegalStateException("m")));
    assertEquals("RuntimeError", type(new StackOverflowError()));
  }

  @Test
  void saysThatAnUnexpectedExceptionIsOurs() throws JsonProcessingException {
    String message = error(new IllegalStateException("odd")).get("message").asText();
    assertTrue(message.startsWith("internal error of NNIR Bridge ("), message);
    assertTrue(message.endsWith("please report it with the gateway's log"), message);
    assertFalse(message.contains("\tat "), message);
  }

  private static String type(Throwable thrown) throws JsonProcessingException {
    return error(thrown).get("type").asText();
  }

  private static JsonNode error(Throwable thrown) throws JsonProcessingException {
    return Envelope.JSON.readTree(Envelope.error(thrown)).get("error");
  }
}
