package io.lockstep.replication.eagerlock;

/** Immutable. What a timer of the eager lock is for. */
public enum TimerKind {
  /** The lease has had no owner for a while: it is released. */
  IDLE,
  /** The drain took long enough: those who still wait here wait for the next lease. */
  DRAIN
}
