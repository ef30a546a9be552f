package org.nnirbridge.gateway;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Starts the gateway for the process that holds the other end of standard input.
 *
 * <p>The first line of standard input is the {@link GatewaySettings}, the only line of standard
 * output the {@link GatewayAddress}; when standard input ends, so does the process, whatever it was
 * doing.
 */
public final class GatewayMain {
  private static final Logger LOG = Logger.getLogger(GatewayMain.class.getName());

  private GatewayMain() {}

  public static void main(String[] arguments) throws IOException {
    PrintStream answer = System.out;
    System.setOut(System.err);
    quietenLibraries();
    BufferedReader owner =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = owner.readLine();
    if (line == null) {
      return;
    }
    GatewaySettings settings = GatewaySettings.fromJson(line);
    int status = 0;
    try {
      ObjectTable objects = new ObjectTable();
      ControlPlane control = ControlPlane.open(new CompilerService(objects), settings.token());
      DataPlane data = DataPlane.open(settings, objects);
      data.start();
      answer.println(new GatewayAddress(control.port(), data.port(), SpinBudget.pays()).toJson());
      answer.flush();
      LOG.info("gateway is ready");
      awaitEnd(owner);
      // A JVM that halts waits a third of a second for threads that sleep in system calls.
      data.close();
      control.close();
      settings.deleteDirectory();
    } catch (IOException | RuntimeException e) {
      LOG.log(Level.SEVERE, "gateway could not start", e);
      status = 1;
    } finally {
      Runtime.getRuntime().halt(status);
    }
  }

  private static void awaitEnd(BufferedReader owner) {
    try {
      while (owner.readLine() != null) {
        // The owner says nothing more; only the end of the stream counts.
      }
    } catch (IOException e) {
      LOG.log(Level.FINE, "standard input broke", e);
    }
  }

  private static void quietenLibraries() {
    Logger.getLogger("py4j").setLevel(Level.WARNING);
    Logger.getLogger("org.apache.arrow").setLevel(Level.WARNING);
  }
}
