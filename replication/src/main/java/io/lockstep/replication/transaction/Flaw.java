package io.lockstep.replication.transaction;

/** Immutable. Decisions that tests get wrong on purpose, to see that they are noticed. */
enum Flaw {
  NONE,
  /** Done although a WO member failed. */
  IGNORES_WRITE_ONLY,
  /** Done on the rest once the member is logged ERR, without sending again: no pending marks. */
  SKIPS_PENDING_MARKS,
  /** Reports also when all members failed. */
  BLAMES_ALL,
  /** Reports a member that only refused. */
  BLAMES_REFUSALS
}
