package io.lockstep.replication.eagerlock;

/**
 * Immutable. The decisions of the eager lock that history got wrong or that a rule depends on,
 * apart from its bookkeeping, so that a test or a reproduction can show what each is for by
 * changing it. Production has one set: the methods as they stand here.
 */
public interface EagerLockRules {
  EagerLockRules PRODUCTION = new EagerLockRules() {};

  /** What a rule may do to a held lease that nobody owns, within the transition it is asked in. */
  interface Parked {
    void cancelTimer();

    /** The lease goes: release is flagged, and the timer cancelled. */
    void release(String reason);
  }

  /**
   * A flush found the lease parked. Nothing: lock, dirty mark and fsync have separate lives, so the
   * lease and its timer stay as they are.
   */
  default void onFlushOfParked(Parked parked) {}

  /**
   * Whether one who arrives at a parked lease becomes its owner; else another lease is asked for.
   * Always: that nobody owns the lease is a state, not something to be read off the timer.
   */
  default boolean joinsParked(boolean timerArmed) {
    return true;
  }

  /** Whether one who needs {@code mode} may run under a lease that is {@code held}. */
  default boolean covers(Mode held, Mode mode) {
    return held.covers(mode);
  }

  /** Whether {@code arrived} runs only after {@code earlier}. */
  default boolean waitsFor(Range arrived, Range earlier) {
    return arrived.overlaps(earlier);
  }

  /**
   * Whether an upgrade whose answer never came is ours until it is released: if it was granted, it
   * stands at lockd in the place of the shared lease, under which readers still run.
   */
  default boolean knowsDoubtful() {
    return true;
  }

  /** The epoch of those who start from now on; those who waited since before are no exception. */
  default long adoptedEpoch(long known, long told) {
    return Math.max(known, told);
  }
}
