package io.lockstep.tools.process;

import io.lockstep.core.Check;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;

/**
 * Any thread may call it after {@link #set}, which happens once. For a daemon that has to open its
 * data directory, to learn who it is, before it can introduce itself to others.
 */
final class LatePeers implements PeerDirectory {
  private volatile PeerDirectory peers;

  void set(PeerDirectory made) {
    peers = made;
  }

  @Override
  public Peer peer(String address) {
    PeerDirectory made = peers;
    Check.that(made != null, "%s is asked for before the start", address);
    return made.peer(address);
  }
}
