package io.lockstep.wire;

import io.lockstep.wire.message.Push;
import java.util.UUID;

/**
 * Immutable. Who is at the other end of a connection, as it proved or announced in the handshake.
 *
 * @param role client, storage, master or admin
 * @param address of the remote end, for people
 * @param session announced by a client; 0 = none yet
 * @param connection the client's number of this connection to this server (P11)
 * @param daemon of a storage daemon, or null
 * @param incarnation of a storage daemon
 * @param pusher sends to this connection without being asked
 */
public record PeerIdentity(
    String role,
    String address,
    long session,
    long connection,
    UUID daemon,
    long incarnation,
    Pusher pusher) {

  /** One-way messages from a server to a client. */
  public interface Pusher {
    /** False if the connection is gone or its queue is full; what is pushed must be repeatable. */
    boolean push(Push push);
  }
}
