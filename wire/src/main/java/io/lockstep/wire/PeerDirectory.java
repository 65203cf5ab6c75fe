package io.lockstep.wire;

/**
 * Finds peers by address; the connection behind a peer is made when it is first used, and again
 * after it broke.
 */
public interface PeerDirectory {
  /** The peer at {@code host:port}. The same address gives the same peer. */
  Peer peer(String address);
}
