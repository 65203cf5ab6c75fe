package io.lockstep.wire.netty;

import io.lockstep.wire.RequestHandler;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.security.SecureRandom;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Guarded by its own atomics. What the connections of one server share. */
final class ServerContext {
  private static final Logger log = LoggerFactory.getLogger(NettyServer.class);
  private static final int COMPLAINTS_MAX = 1024;

  final ServerOptions options;
  final RequestHandler handler;
  final TransportCounters counters = new TransportCounters();
  final FrameWriter writer = new FrameWriter(counters);
  final SessionLines lines = new SessionLines();
  final AtomicLong cluster;
  final AtomicInteger connections = new AtomicInteger();
  final AtomicInteger strangers = new AtomicInteger();
  private final SecureRandom random = new SecureRandom();
  private final Set<String> complaints = ConcurrentHashMap.newKeySet();

  ServerContext(ServerOptions options, RequestHandler handler) {
    this.options = options;
    this.handler = handler;
    this.cluster = new AtomicLong(options.credentials().cluster());
  }

  ServerHandshake handshake() {
    byte[] challenge = new byte[Credentials.CHALLENGE_BYTES];
    random.nextBytes(challenge);
    return new ServerHandshake(options.credentials(), cluster.get(), options.identity(), challenge);
  }

  /** Once per host: a peer that goes on like this does not fill the log. */
  void complain(SocketAddress remote, String what) {
    String host =
        remote instanceof InetSocketAddress inet
            ? inet.getAddress().getHostAddress()
            : String.valueOf(remote);
    if (complaints.size() < COMPLAINTS_MAX && complaints.add(host)) {
      log.warn(
          "connection from {} dropped: {}; later ones from this host are only counted",
          remote,
          what);
    }
  }
}
