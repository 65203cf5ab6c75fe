package io.lockstep.lockd.lease;

import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;

/** Confined to the agent of its table. One granted lease, and how often it was recalled. */
final class Lease {
  final long session;
  final long id;
  final LeaseMode mode;

  /** Of an exclusive lease; {@link Token#NONE} of a shared one. */
  final Token token;

  final long set;
  final long grantedNs;

  private LeaseMode wanted;
  private long recalledNs;
  private Repeat repeat;

  Lease(Waiter waiter, Token token, long grantedNs) {
    this.session = waiter.session;
    this.id = waiter.lease;
    this.mode = waiter.mode;
    this.set = waiter.set;
    this.token = token;
    this.grantedNs = grantedNs;
  }

  /** What those who wait for it want, or null. */
  LeaseMode wanted() {
    return wanted;
  }

  /** Since when somebody waits. Only if {@link #wanted}. */
  long recalledNs() {
    return recalledNs;
  }

  void recall(LeaseMode mode, LeaseLimits limits, long nowNs) {
    if (wanted == null) {
      recalledNs = nowNs;
    }
    wanted = mode;
    repeat = new Repeat(limits.recallPauseNs(), limits.recallPauseMaxNs(), nowNs);
  }

  /** Nobody waits any more. */
  void forgetRecall() {
    wanted = null;
    repeat = null;
  }

  boolean isRecallDue(long nowNs) {
    return wanted != null && repeat.isDue(nowNs);
  }

  @Override
  public String toString() {
    return mode + " lease " + id + " of session " + session;
  }
}
