package io.lockstep.lockd.lease;

import io.lockstep.wire.message.LeaseMode;
import java.util.Collection;

/**
 * Immutable. The decisions of the lease table that carry the protocol rules, apart from its
 * bookkeeping, so that a test can show what each is for by changing it. Production has one set;
 * what is public is for reproductions of other systems.
 */
public class LeaseRules {
  public static final LeaseRules PRODUCTION = new LeaseRules();

  /** P1: whether this end leaves members that may differ. */
  boolean mustSettle(LeaseMode mode, boolean clean, long set) {
    return mode == LeaseMode.EXCLUSIVE && !clean && set != 0;
  }

  /** P1: whether a former term may have left members that differ, of a file that nobody holds. */
  boolean mustSettleFirst(long set, Collection<Long> unswept) {
    return unswept.contains(set);
  }

  /** P4: whether an id was ended before, or has been overtaken. */
  boolean isEnded(long lease, long lastEnded) {
    return lease <= lastEnded;
  }

  /** P5: whether a lease that nobody held before may be granted. */
  boolean mayGrant(LeaseTable.Phase phase) {
    return phase == LeaseTable.Phase.SERVING;
  }

  /** P5: whether requests of a session that has ended are refused. */
  boolean refusesEndedSessions() {
    return true;
  }

  /** I1: whether this holder stands in the way of that request. */
  boolean conflicts(Lease held, Waiter waiter) {
    if (held.session == waiter.session) {
      return ownConflicts(held.mode, waiter.mode);
    }
    return held.mode == LeaseMode.EXCLUSIVE || waiter.mode == LeaseMode.EXCLUSIVE;
  }

  /**
   * Whether a session's own lease stands in the way of its request. An upgrade takes the place of
   * the shared lease; anything else waits for the release that it has overtaken.
   */
  public boolean ownConflicts(LeaseMode held, LeaseMode wanted) {
    return held == LeaseMode.EXCLUSIVE || wanted == LeaseMode.SHARED;
  }

  /** Whether a grant waits until the holders of what was cleared by force know of it. */
  boolean waitsForCleared() {
    return true;
  }

  /** Whether a session that holds a lease on the inode goes ahead of those who wait. */
  public boolean overtakes() {
    return false;
  }

  /** Told of every lease that is granted. */
  public void onGranted(long session, long inode, long lease, LeaseMode mode) {}

  /** Whether the release of this lease, which the session holds, ends it. */
  public boolean endsByRelease(long session, long inode, long lease) {
    return true;
  }

  /** P4: whether a lease that its holder does not know ends. */
  public boolean endsIfUnknown() {
    return true;
  }
}
