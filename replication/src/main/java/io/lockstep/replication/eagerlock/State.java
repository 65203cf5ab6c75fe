package io.lockstep.replication.eagerlock;

/** Immutable. Where an {@link EagerLock} stands. */
public enum State {
  /** No lease and nobody who wants one. */
  IDLE,
  /** A lease was asked for. In an upgrade the shared lease is still held meanwhile. */
  ACQUIRING,
  /** Held, with owners; new operations join. */
  ACTIVE,
  /** Held, without owners; the idle timer is armed. */
  PARKED,
  /** Held, to be released when the owners are done; new operations wait for the next lease. */
  DRAINING,
  /** The release is on its way; operations wait for the next lease. */
  RELEASING;

  boolean mayBecome(State next) {
    return switch (this) {
      case IDLE -> next == ACQUIRING;
      // To itself when shared is granted while somebody already waits for exclusive.
      case ACQUIRING -> true;
      case ACTIVE -> next == PARKED || next == DRAINING || next == ACQUIRING;
      case PARKED -> next == ACTIVE || next == DRAINING || next == ACQUIRING;
      case DRAINING -> next == RELEASING;
      case RELEASING -> next == IDLE;
    };
  }
}
