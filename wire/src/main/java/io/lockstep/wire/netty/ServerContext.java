package io.lockstep.wire.netty;

import io.lockstep.wire.RequestHandler;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Guarded by its own atomics. What the connections of one server share. */
final class ServerContext {
  final ServerOptions options;
  final RequestHandler handler;
  final TransportCounters counters = new TransportCounters();
  final FrameWriter writer = new FrameWriter(counters);
  final Complaints complaints = new Complaints();
  final SessionLines lines = new SessionLines();
  final AtomicLong cluster;
  final AtomicLong bytesUnderWay = new AtomicLong();
  final AtomicInteger connections = new AtomicInteger();
  final AtomicInteger strangers = new AtomicInteger();
  private final SecureRandom random = new SecureRandom();

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
}
