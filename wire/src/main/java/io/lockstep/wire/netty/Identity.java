package io.lockstep.wire.netty;

import java.util.UUID;

/**
 * Immutable. What a process says about itself in the handshake.
 *
 * @param role client, storage, master or admin
 * @param daemon of a storage daemon, else null
 * @param incarnation of a storage daemon, else 0
 */
public record Identity(String role, UUID daemon, long incarnation) {
  public static Identity of(String role) {
    return new Identity(role, null, 0);
  }

  public static Identity storage(UUID daemon, long incarnation) {
    return new Identity("storage", daemon, incarnation);
  }
}
