package io.lockstep.core;

/** The port to time. Pure code gets times as arguments; only agents and adapters hold a clock. */
public interface Clock {
  /**
   * Monotonic nanoseconds since an arbitrary start that run through suspend (P13). Only differences
   * mean something.
   */
  long nowNs();

  /**
   * Nanoseconds since 1970-01-01 UTC: for timestamps that people and files see, never for
   * deadlines.
   */
  long wallTimeNs();
}
