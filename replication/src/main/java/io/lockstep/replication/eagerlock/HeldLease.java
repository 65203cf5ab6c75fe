package io.lockstep.replication.eagerlock;

import io.lockstep.core.Token;

/**
 * Confined to its {@link EagerLock}. The lease that is held, also while its release is on its way,
 * and how it will end.
 */
final class HeldLease {
  /** Null = nothing is held. */
  private Mode mode;

  private long id;
  private Token token = Token.NONE;

  /** The newest configuration that those who start now have to send with; outlives the lease. */
  private long epoch;

  private boolean clean = true;
  private boolean lost;

  HeldLease() {}

  HeldLease(HeldLease from) {
    mode = from.mode;
    id = from.id;
    token = from.token;
    epoch = from.epoch;
    clean = from.clean;
    lost = from.lost;
  }

  void take(Mode newMode, long newId, Token newToken, long newEpoch) {
    mode = newMode;
    id = newId;
    token = newToken;
    epoch = Math.max(epoch, newEpoch);
    clean = true;
    lost = false;
  }

  /** Nothing is held under this id, but it has to be released: it may have been granted. */
  void takeDoubtful(long newId) {
    id = newId;
  }

  /** It stays lockd's last word, as {@link #id}, until the next one is taken. */
  void letGo() {
    mode = null;
    lost = false;
  }

  void forget() {
    letGo();
    clean = true;
  }

  /** An operation that may have written something has failed: the lease will end unclean (P1). */
  void taint() {
    clean = false;
  }

  void lose() {
    lost = true;
    clean = clean && mode == Mode.SHARED;
  }

  void adopt(long newEpoch) {
    epoch = newEpoch;
  }

  boolean isHeld() {
    return mode != null;
  }

  boolean isHeldAs(long lease) {
    return mode != null && id == lease;
  }

  Mode mode() {
    return mode;
  }

  long id() {
    return id;
  }

  Token token() {
    return token;
  }

  long epoch() {
    return epoch;
  }

  boolean isClean() {
    return clean;
  }

  boolean isLost() {
    return lost;
  }

  /** Nothing can be left behind by readers. */
  boolean endsClean() {
    return clean || mode == Mode.SHARED;
  }
}
