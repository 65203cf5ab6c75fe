package io.lockstep.metadata.namespace;

/**
 * Immutable. An inode that is gone.
 *
 * @param set where its object is; 0 = it never had one
 */
public record Collected(long inode, long volume, long set) {}
