package org.nnirbridge.gateway;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.net.ServerSocketFactory;
import py4j.CallbackClient;
import py4j.Gateway;
import py4j.GatewayConnection;
import py4j.GatewayServer;
import py4j.GatewayServerListener;
import py4j.Protocol;
import py4j.Py4JException;
import py4j.Py4JServerConnection;
import py4j.ReturnObject;
import py4j.commands.CallCommand;
import py4j.commands.Command;

/**
 * The Py4J server on a loopback port, cut down to calls of {@link CompilerService}'s own methods.
 *
 * <p>Py4J's commands for fields, constructors, reflection, class views and memory are not there, so
 * who holds the token can call the service and nothing else of the JVM.
 */
final class ControlPlane {
  private final GatewayServer server;

  private ControlPlane(GatewayServer server) {
    this.server = server;
  }

  static ControlPlane open(CompilerService service, String token) {
    GatewayServer server = new ServiceServer(new ServiceGateway(service), token);
    server.start(true);
    return new ControlPlane(server);
  }

  int port() {
    return server.getListeningPort();
  }

  /** Stops listening and closes all connections. */
  void close() {
    server.shutdown();
  }

  private static final class ServiceGateway extends Gateway {
    private final Set<String> methods;

    ServiceGateway(CompilerService service) {
      // The service never calls back; Py4J wants a client for it all the same.
      super(service, new CallbackClient(0, InetAddress.getLoopbackAddress(), 0, TimeUnit.SECONDS));
      methods =
          Arrays.stream(CompilerService.class.getDeclaredMethods())
              .filter(method -> Modifier.isPublic(method.getModifiers()))
              .map(Method::getName)
              .collect(Collectors.toUnmodifiableSet());
    }

    @Override
    public ReturnObject invoke(String method, String target, List<Object> arguments) {
      if (!target.equals(Protocol.ENTRY_POINT_OBJECT_ID) || !methods.contains(method)) {
        throw new Py4JException("The gateway has no such method.");
      }
      return super.invoke(method, target, arguments);
    }
  }

  private static final class ServiceServer extends GatewayServer {
    private final String token;

    ServiceServer(Gateway gateway, String token) {
      super(
          gateway,
          0,
          InetAddress.getLoopbackAddress(),
          0,
          0,
          List.of(),
          ServerSocketFactory.getDefault());
      this.token = token;
    }

    @Override
    protected Py4JServerConnection createConnection(Gateway gateway, Socket socket)
        throws IOException {
      socket.setTcpNoDelay(true);
      ServiceConnection connection = new ServiceConnection(gateway, socket, token, getListeners());
      connection.startConnection();
      return connection;
    }
  }

  private static final class ServiceConnection extends GatewayConnection {
    ServiceConnection(
        Gateway gateway, Socket socket, String token, List<GatewayServerListener> listeners)
        throws IOException {
      super(gateway, socket, token, List.of(), listeners);
    }

    @Override
    protected void initCommands(Gateway gateway, List<Class<? extends Command>> commands) {
      super.initCommands(gateway, List.of(CallCommand.class));
    }
  }
}
