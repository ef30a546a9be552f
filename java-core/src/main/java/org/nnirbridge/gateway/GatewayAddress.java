package org.nnirbridge.gateway;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import org.nnirbridge.diagnostic.CompilerBug;

/**
 * Where a started gateway is reached.
 *
 * @param controlPort the loopback TCP port of the control plane
 * @param dataPort the loopback TCP port of the data plane, 0 when it is the Unix socket
 * @param polling whether both sides may poll before they sleep
 */
record GatewayAddress(int controlPort, int dataPort, boolean polling) {
  String toJson() {
    try {
      return new ObjectMapper()
          .writeValueAsString(
              Map.of("control_port", controlPort, "data_port", dataPort, "polling", polling));
    } catch (JsonProcessingException e) {
      throw new CompilerBug("an address has no JSON form: " + e.getMessage());
    }
  }
}
