package io.lockstep.lockd.client;

/**
 * Immutable. What is locked and by whom.
 *
 * @param flock of flock(2), else of fcntl(2)
 * @param owner a process, or for flock an open file, by a number of the kernel
 * @param end first byte behind the range; Long.MAX_VALUE = to the end of all files
 * @param pid of the process, for F_GETLK
 */
public record LockSpec(long inode, boolean flock, long owner, long start, long end, int pid) {
  /** Whose locks on which file. */
  record Whose(long inode, boolean flock, long owner) {}

  Whose key() {
    return new Whose(inode, flock, owner);
  }

  /** Everything of this owner on this file. */
  static LockSpec all(Whose key) {
    return new LockSpec(key.inode, key.flock, key.owner, 0, Long.MAX_VALUE, 0);
  }
}
