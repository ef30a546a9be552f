package org.nnirbridge.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.nnirbridge.diagnostic.InvalidArgument;

/**
 * What the owner tells a gateway when it starts it.
 *
 * @param token the secret that every connection must present, as ASCII text
 * @param directory the private directory of this gateway
 * @param unixSocket whether the data plane listens on a Unix domain socket, else on loopback TCP
 */
record GatewaySettings(String token, Path directory, boolean unixSocket) {
  static final int TOKEN_BYTES = 64;
  static final String SOCKET_NAME = "data.sock";
  private static final Logger LOG = Logger.getLogger(GatewaySettings.class.getName());

  GatewaySettings {
    if (token.length() != TOKEN_BYTES) {
      throw new InvalidArgument("the gateway's token has " + token.length() + " characters");
    }
  }

  static GatewaySettings fromJson(String json) throws IOException {
    JsonNode settings = new ObjectMapper().readTree(json);
    return new GatewaySettings(
        settings.path("token").asText(),
        Path.of(settings.path("directory").asText()),
        settings.path("transport").asText().equals("unix"));
  }

  byte[] tokenBytes() {
    return token.getBytes(StandardCharsets.US_ASCII);
  }

  Path socketPath() {
    return directory.resolve(SOCKET_NAME);
  }

  /** Removes the private directory and what is in it. */
  void deleteDirectory() {
    try (Stream<Path> files = Files.walk(directory)) {
      List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : deepestFirst) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      LOG.log(Level.FINE, "private directory is not empty", e);
    }
  }
}
