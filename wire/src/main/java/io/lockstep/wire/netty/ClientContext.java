package io.lockstep.wire.netty;

import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Guarded by its own atomics. What the connections of one client share. */
final class ClientContext {
  final ClientOptions options;
  final TransportCounters counters = new TransportCounters();
  final FrameWriter writer = new FrameWriter(counters);
  final Complaints complaints = new Complaints();
  final AtomicLong cluster;
  private final AtomicLong connections = new AtomicLong();
  private final SecureRandom random = new SecureRandom();

  ClientContext(ClientOptions options) {
    this.options = options;
    this.cluster = new AtomicLong(options.credentials().cluster());
  }

  /** For a new connection; their numbers rise over all servers, so also for each (P11). */
  ClientHandshake handshake(long session) {
    byte[] challenge = new byte[Credentials.CHALLENGE_BYTES];
    random.nextBytes(challenge);
    return new ClientHandshake(
        options.credentials(),
        cluster.get(),
        options.identity(),
        session,
        connections.incrementAndGet(),
        challenge);
  }

  /** Runs a handler of the process; what it throws is a bug of that process. */
  void guarded(Runnable code) {
    try {
      code.run();
    } catch (Exception | Error e) {
      options.failures().onFailure(Thread.currentThread().getName(), e);
    }
  }
}
