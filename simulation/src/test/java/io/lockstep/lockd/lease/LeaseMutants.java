package io.lockstep.lockd.lease;

import io.lockstep.wire.message.LeaseMode;

/** The rules of the lease table with one decision changed each. */
public final class LeaseMutants {
  private LeaseMutants() {}

  /** P1 changed: grants after an unclean end without seal and settle. */
  public static LeaseRules grantsWithoutSettling() {
    return new LeaseRules() {
      @Override
      boolean mustSettle(LeaseMode mode, boolean clean, long set) {
        return false;
      }
    };
  }

  /** P5 changed: grants in the grace period. */
  public static LeaseRules grantsInGrace() {
    return new LeaseRules() {
      @Override
      boolean mayGrant(LeaseTable.Phase phase) {
        return true;
      }
    };
  }

  /** I1 changed: grants to a reader beside a writer. */
  public static LeaseRules readerBesideWriter() {
    return new LeaseRules() {
      @Override
      boolean conflicts(Lease held, Waiter waiter) {
        return super.conflicts(held, waiter) && waiter.mode == LeaseMode.EXCLUSIVE;
      }
    };
  }
}
