package io.lockstep.replication.marks;

/** What is known of the bytes of an object. */
public enum Copy {
  /** They are what clients wrote. */
  WHOLE,
  /** Some of them have been replaced from a source, and some have not. */
  HALF,
  /**
   * A sync of them failed: what is read may be in memory only, without being written any more, and
   * gone with the power. So they prove nothing to a heal, in a later run neither.
   */
  LOST
}
