package io.lockstep.replication.eagerlock;

/** Immutable. How an operation under the eager lock ended. */
public enum Result {
  /** Done on all members, or nothing was to be done on them. */
  OK,
  /**
   * It may be on some members and not on others: the lease ends unclean, so that they settle (P1).
   */
  FAILED,
  /** A member refused the token: the lease is lost. */
  LEASE_LOST
}
