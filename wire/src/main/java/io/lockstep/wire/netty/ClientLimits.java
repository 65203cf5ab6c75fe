package io.lockstep.wire.netty;

import java.util.concurrent.TimeUnit;

/**
 * Immutable. The bounds of the connections of a client (I10).
 *
 * @param threads event loops, shared by all connections
 * @param callsMax to one peer that are not answered yet; further ones are answered BUSY
 * @param bytesMax to one peer: payloads of calls that are not answered yet, likewise
 * @param connectMs a TCP connection that is not there after this has failed
 * @param handshakeNs the same for the handshake
 * @param transport what the event loops wait with
 */
public record ClientLimits(
    int threads,
    int callsMax,
    long bytesMax,
    int connectMs,
    long handshakeNs,
    Transport transport) {
  public static final ClientLimits DEFAULT =
      new ClientLimits(2, 4096, 64L << 20, 1000, TimeUnit.SECONDS.toNanos(5), Transport.NATIVE);
}
