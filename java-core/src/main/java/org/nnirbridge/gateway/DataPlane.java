package org.nnirbridge.gateway;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Accepts the connections that carry values: a Unix domain socket in the private directory, or
 * loopback TCP. A connection that does not begin with the token is closed.
 */
final class DataPlane {
  private static final Logger LOG = Logger.getLogger(DataPlane.class.getName());
  private static final int TOKEN_SECONDS = 5;

  private final ServerSocketChannel server;
  private final byte[] token;
  private final ObjectTable objects;
  private final ScheduledExecutorService watch =
      Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "token-watch"));

  private DataPlane(ServerSocketChannel server, byte[] token, ObjectTable objects) {
    this.server = server;
    this.token = token;
    this.objects = objects;
  }

  static DataPlane open(GatewaySettings settings, ObjectTable objects) throws IOException {
    return new DataPlane(listen(settings), settings.tokenBytes(), objects);
  }

  private static ServerSocketChannel listen(GatewaySettings settings) throws IOException {
    if (settings.unixSocket()) {
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      return server.bind(UnixDomainSocketAddress.of(settings.socketPath()));
    }
    return ServerSocketChannel.open()
        .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  /** The TCP port, 0 for a Unix domain socket. */
  int port() throws IOException {
    return server.getLocalAddress() instanceof InetSocketAddress address ? address.getPort() : 0;
  }

  void start() {
    daemon(this::accept, "data-plane").start();
  }

  /** Stops listening. */
  void close() throws IOException {
    server.close();
  }

  private void accept() {
    try {
      while (true) {
        SocketChannel channel = server.accept();
        daemon(() -> serve(channel), "data-connection").start();
      }
    } catch (ClosedChannelException e) {
      LOG.log(Level.FINE, "the data plane was closed", e);
    } catch (IOException e) {
      LOG.log(Level.SEVERE, "the data plane stopped", e);
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      if (server.getLocalAddress() instanceof InetSocketAddress) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      if (presentsToken(channel)) {
        new DataConnection(channel, objects).serve();
      }
    } catch (IOException e) {
      LOG.log(Level.FINE, "a data connection ended", e);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.SEVERE, "a data connection failed", e);
    }
  }

  private boolean presentsToken(SocketChannel channel) throws IOException {
    ScheduledFuture<?> limit =
        watch.schedule(() -> close(channel), TOKEN_SECONDS, TimeUnit.SECONDS);
    ByteBuffer presented = ByteBuffer.allocate(token.length);
    while (presented.hasRemaining()) {
      if (channel.read(presented) < 0) {
        return false;
      }
    }
    limit.cancel(false);
    return MessageDigest.isEqual(presented.array(), token);
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.log(Level.FINE, "a tokenless connection did not close", e);
    }
  }

  private static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }
}
