package io.lockstep.replication.eagerlock;

import io.lockstep.core.ErrorCode;

/**
 * Confined to its {@link EagerLock}. The lease that was last asked for, and what was heard while no
 * answer was there. Ids rise (P4).
 */
final class AskedLease {
  private long id;
  private Mode mode;

  /** A recall overtook the grant. */
  private boolean recalledEarly;

  /** In an upgrade: the shared lease must go as soon as its readers are done. */
  private boolean sharedRecalled;

  /** Of an upgrade whose answer never came: released together with the shared lease; 0 = none. */
  private long doubtful;

  /**
   * @param base ids will be greater than this
   */
  AskedLease(long base) {
    id = base;
  }

  AskedLease(AskedLease from) {
    id = from.id;
    mode = from.mode;
    recalledEarly = from.recalledEarly;
    sharedRecalled = from.sharedRecalled;
    doubtful = from.doubtful;
  }

  void ask(Mode wanted) {
    id++;
    mode = wanted;
  }

  void ride(long newId, Mode wanted) {
    id = newId;
    mode = wanted;
  }

  void recallEarly() {
    recalledEarly = true;
  }

  /** Whether it had been recalled before this answer; it is not remembered any longer. */
  boolean takeRecalledEarly() {
    boolean taken = recalledEarly;
    recalledEarly = false;
    return taken;
  }

  void recallShared() {
    sharedRecalled = true;
  }

  boolean takeSharedRecalled() {
    boolean taken = sharedRecalled;
    sharedRecalled = false;
    return taken;
  }

  void doubt() {
    doubtful = id;
  }

  void forgetDoubtful() {
    doubtful = 0;
  }

  long id() {
    return id;
  }

  Mode mode() {
    return mode;
  }

  boolean isRecalledEarly() {
    return recalledEarly;
  }

  boolean isSharedRecalled() {
    return sharedRecalled;
  }

  long doubtful() {
    return doubtful;
  }

  /** Whether lockd may have granted, for all that this answer says. */
  static boolean isDoubtful(ErrorCode code) {
    return switch (code) {
      case TIMED_OUT, DISCONNECTED, LEASE_TIMEOUT, BUSY, CLOSING -> true;
      default -> false;
    };
  }
}
