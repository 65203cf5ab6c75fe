package io.lockstep.replication.eagerlock;

/**
 * Confined to its {@link EagerLock}. How the lease goes: once {@link #isReleasing}, nobody joins
 * any more, and of those who wait already only a bounded number may still start, for a bounded
 * time.
 */
final class Drain {
  /** Operations that may still start in one drain: fairness to the remote waiter. */
  static final int STARTS_MAX = 64;

  private boolean releasing;
  private int starts;
  private boolean over;

  Drain() {}

  Drain(Drain from) {
    releasing = from.releasing;
    starts = from.starts;
    over = from.over;
  }

  void begin() {
    releasing = true;
    starts = 0;
    over = false;
  }

  /** There is nothing to drain. */
  void release() {
    releasing = true;
  }

  void end() {
    releasing = false;
  }

  /** The time is up. */
  void timeOut() {
    over = true;
  }

  /** One more wants to start; false, from now on, if that is one too many. */
  boolean tryStart() {
    starts++;
    over = over || starts > STARTS_MAX;
    return !over;
  }

  /** AFR's release flag: the lease goes when the owners are done. */
  boolean isReleasing() {
    return releasing;
  }

  boolean isOver() {
    return over;
  }

  int starts() {
    return starts;
  }
}
