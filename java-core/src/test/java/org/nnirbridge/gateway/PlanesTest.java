package org.nnirbridge.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanesTest {
  private static final String TOKEN = "0123456789abcdef".repeat(4);

  @TempDir Path directory;

  @Test
  void dataPlaneClosesAConnectionWithoutTheToken() throws IOException {
    try (Socket socket = connect(dataPort())) {
      socket.getOutputStream().write("x".repeat(64).getBytes(StandardCharsets.US_ASCII));
      assertEquals(-1, socket.getInputStream().read());
    }
  }

  @Test
  void dataPlaneAnswersAConnectionWithTheToken() throws IOException {
    try (Socket socket = connect(dataPort())) {
      OutputStream out = socket.getOutputStream();
      out.write(TOKEN.getBytes(StandardCharsets.US_ASCII));
      out.write('P');
      out.write(new byte[8]);
      assertEquals('E', socket.getInputStream().read());
    }
  }

  @Test
  void controlPlaneAnswersTheServiceOnly() throws IOException {
    ControlPlane control = ControlPlane.open(new CompilerService(new ObjectTable()), TOKEN);
    try (Socket socket = connect(control.port())) {
      assertEquals("!yv", ask(socket, "A\n" + TOKEN + "\n"));
      assertTrue(ask(socket, "c\nt\nrelease\ns[]\ne\n").startsWith("!ys{"));
      assertTrue(ask(socket, "c\nt\ngetClass\ne\n").startsWith("!x"));
    }
  }

  @Test
  void controlPlaneRefusesAConnectionWithoutTheToken() throws IOException {
    ControlPlane control = ControlPlane.open(new CompilerService(new ObjectTable()), TOKEN);
    try (Socket socket = connect(control.port())) {
      assertTrue(ask(socket, "c\nt\nrelease\ns[]\ne\n").startsWith("!x"));
    }
  }

  private int dataPort() throws IOException {
    GatewaySettings settings = new GatewaySettings(TOKEN, directory, false);
    DataPlane plane = DataPlane.open(settings, new ObjectTable());
    plane.start();
    return plane.port();
  }

  private static Socket connect(int port) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(10_000);
    return socket;
  }

  private static String ask(Socket socket, String command) throws IOException {
    socket.getOutputStream().write(command.getBytes(StandardCharsets.UTF_8));
    return new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))
        .readLine();
  }
}
