package io.lockstep.replication.marks;

/**
 * Immutable. A member missed changes of this object.
 *
 * @param version changes each time the mark is renewed and never repeats for an object: a clear
 *     names the version it speaks of (P10)
 * @param epoch at which the mark was last renewed
 */
public record Pending(long version, long epoch) {}
