package io.lockstep.replication.eagerlock;

/** Immutable. What a lease allows. */
public enum Mode {
  /** Reading, together with other clients. */
  SHARED,
  /** Reading and writing, alone. */
  EXCLUSIVE;

  /** Whether a lease of this mode is enough for one who needs {@code needed}. */
  public boolean covers(Mode needed) {
    return this == EXCLUSIVE || needed == SHARED;
  }
}
