package io.lockstep.tools.process;

import io.lockstep.tools.UserError;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyServer;
import io.lockstep.wire.netty.ServerOptions;
import java.io.IOException;
import java.net.BindException;
import java.nio.file.Path;

/**
 * Immutable. A daemon that listens: on the port that it was told, or else on the one that it had,
 * or else on a free one.
 *
 * @param server that accepts connections
 * @param address host:port, as others reach it
 */
record Listener(NettyServer server, String address) {
  private static final int TRIES = 10;

  /**
   * Binds.
   *
   * @param told 0 = not told
   * @param data the directory that remembers the port
   */
  static Listener start(
      String host,
      int told,
      Path data,
      Credentials credentials,
      Identity identity,
      RequestHandler handler)
      throws IOException, UserError {
    PortFile ports = new PortFile(data.resolve("port"));
    for (int attempt = 1; ; attempt++) {
      int port = told != 0 ? told : ports.choose(host);
      NettyServer server =
          new NettyServer(
              new ServerOptions(host, port, credentials, identity, Fatal.INSTANCE), handler);
      try {
        server.start();
        ports.keep(port);
        return new Listener(server, host + ":" + port);
      } catch (IOException e) {
        if (!isInUse(e)) {
          throw e;
        }
        // Between the look for a free port and its use somebody else was quicker.
        if (told != 0 || attempt == TRIES) {
          throw UserError.failed("port %d of %s is in use", port, host);
        }
      }
    }
  }

  private static boolean isInUse(IOException e) {
    return e.getCause() instanceof BindException
        || String.valueOf(e.getMessage()).contains("Address already in use");
  }
}
