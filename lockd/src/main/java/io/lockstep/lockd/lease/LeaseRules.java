package io.lockstep.lockd.lease;

import io.lockstep.wire.message.LeaseMode;

/**
 * Immutable. The decisions of the lease table that carry the protocol rules, apart from its
 * bookkeeping, so that a test can show what each is for by changing it. Production has one set.
 */
class LeaseRules {
  static final LeaseRules PRODUCTION = new LeaseRules();

  /** P1: whether this end leaves members that may differ. */
  boolean mustSettle(LeaseMode mode, boolean clean, long set) {
    return mode == LeaseMode.EXCLUSIVE && !clean && set != 0;
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
      // An upgrade takes the place of the shared lease. Anything else waits for the release that
      // it has overtaken.
      return held.mode == LeaseMode.EXCLUSIVE || waiter.mode == LeaseMode.SHARED;
    }
    return held.mode == LeaseMode.EXCLUSIVE || waiter.mode == LeaseMode.EXCLUSIVE;
  }
}
