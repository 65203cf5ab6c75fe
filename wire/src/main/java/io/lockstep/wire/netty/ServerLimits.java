package io.lockstep.wire.netty;

import java.util.concurrent.TimeUnit;

/**
 * Immutable. The bounds of a server (I10).
 *
 * @param threads event loops
 * @param requestsMax of one connection that are not answered yet; more are not read from its socket
 * @param bytesMax of one connection: payloads of requests and replies that are under way
 * @param bytesTotalMax the same, of all connections together
 * @param connectionsMax further ones are closed at once
 * @param strangersMax connections that have not proved the secret yet
 * @param handshakeNs a connection that has not proved it after this is closed
 * @param transport what the event loops wait with
 */
public record ServerLimits(
    int threads,
    int requestsMax,
    long bytesMax,
    long bytesTotalMax,
    int connectionsMax,
    int strangersMax,
    long handshakeNs,
    Transport transport) {
  public static final ServerLimits DEFAULT =
      new ServerLimits(
          2, 1024, 64L << 20, 128L << 20, 4096, 256, TimeUnit.SECONDS.toNanos(5), Transport.NATIVE);

  /** With these bounds of what is under way. */
  public ServerLimits with(int newRequestsMax, long newBytesMax, long newBytesTotalMax) {
    return new ServerLimits(
        threads,
        newRequestsMax,
        newBytesMax,
        newBytesTotalMax,
        connectionsMax,
        strangersMax,
        handshakeNs,
        transport);
  }

  /** With these bounds of strangers. */
  public ServerLimits withStrangers(int newStrangersMax, long newHandshakeNs) {
    return new ServerLimits(
        threads,
        requestsMax,
        bytesMax,
        bytesTotalMax,
        connectionsMax,
        newStrangersMax,
        newHandshakeNs,
        transport);
  }

  public ServerLimits with(Transport newTransport) {
    return new ServerLimits(
        threads,
        requestsMax,
        bytesMax,
        bytesTotalMax,
        connectionsMax,
        strangersMax,
        handshakeNs,
        newTransport);
  }
}
