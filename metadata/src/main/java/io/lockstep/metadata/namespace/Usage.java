package io.lockstep.metadata.namespace;

/**
 * Immutable. What a volume holds, orphans included.
 *
 * @param inodes of all types, the root included
 * @param bytes the sizes of its regular files together; holes count
 */
public record Usage(long inodes, long bytes) {
  static final Usage NONE = new Usage(0, 0);
}
