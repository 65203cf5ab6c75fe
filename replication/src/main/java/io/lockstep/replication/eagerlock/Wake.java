package io.lockstep.replication.eagerlock;

/**
 * Immutable. What a flush does to a parked lease: the one decision that GlusterFS had wrong. Only
 * tests and explorers choose another than {@link #LOCKSTEP}.
 */
enum Wake {
  /** Nothing: the post-op does not need the lease to go. */
  LOCKSTEP,
  /** The timer is cancelled and release is set in the same transition. */
  AFR_AFTER,
  /** The timer is cancelled; release is set by nobody. */
  AFR_BEFORE
}
