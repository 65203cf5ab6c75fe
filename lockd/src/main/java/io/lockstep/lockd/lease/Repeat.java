package io.lockstep.lockd.lease;

/** Confined to the agent of its table. When to do something again: pauses double up to a bound. */
final class Repeat {
  private final long pauseMaxNs;
  private long pauseNs;
  private long nextNs;

  Repeat(long pauseNs, long pauseMaxNs, long nowNs) {
    this.pauseNs = pauseNs;
    this.pauseMaxNs = pauseMaxNs;
    this.nextNs = nowNs + pauseNs;
  }

  /** Whether the time has come; if so the next time is a longer pause from now. */
  boolean isDue(long nowNs) {
    if (nowNs - nextNs < 0) {
      return false;
    }
    pauseNs = Math.min(2 * pauseNs, pauseMaxNs);
    nextNs = nowNs + pauseNs;
    return true;
  }
}
