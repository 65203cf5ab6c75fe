package io.lockstep.lockd.lease;

import io.lockstep.wire.message.LeaseMode;

/** Confined to the agent of its table. One who waits in the queue of an inode. */
final class Waiter {
  /** Of a client, or {@link #MASTER}. */
  static final long MASTER = 0;

  final long session;

  /** The lease id, or for the master the number of its request. */
  final long lease;

  final LeaseMode mode;
  final long set;
  final long sinceNs;
  private long deadlineNs;

  Waiter(LeaseTable.Acquire asked, long nowNs) {
    this.session = asked.session();
    this.lease = asked.lease();
    this.mode = asked.mode();
    this.set = asked.set();
    this.sinceNs = nowNs;
    this.deadlineNs = asked.deadlineNs();
  }

  /** A repeat of the request gives the waiter more time and keeps its place. */
  void extend(long newDeadlineNs) {
    deadlineNs = newDeadlineNs;
  }

  boolean isExpired(long nowNs) {
    return nowNs - deadlineNs >= 0;
  }

  boolean isMaster() {
    return session == MASTER;
  }
}
