package io.lockstep.replication.eagerlock;

/** Immutable. What an operation under the eager lock is. */
public enum Kind {
  /** Reads: a shared lease will do; changes nothing, so it belongs to no cycle. */
  READ(Mode.SHARED),
  /** One transaction to the members: sets the dirty mark of the cycle it starts in. */
  WRITE(Mode.EXCLUSIVE),
  /**
   * A write-back buffer that is open: owns the lease as long as bytes may wait in it, and belongs
   * to no cycle itself. Its flushes are WRITEs that name it as their parent.
   */
  HOLD(Mode.EXCLUSIVE);

  private final Mode mode;

  Kind(Mode mode) {
    this.mode = mode;
  }

  public Mode mode() {
    return mode;
  }
}
