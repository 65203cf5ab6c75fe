package io.lockstep.metadata.namespace;

/**
 * Immutable. What the leader stamped into the log entry of a mutation, so that every master applies
 * it alike.
 *
 * @param wallTimeNs nanoseconds since 1970: the time of every "now" of this mutation
 * @param set the replica set for a regular file, if this mutation makes one; 0 = there is none
 */
public record Stamp(long wallTimeNs, long set) {}
