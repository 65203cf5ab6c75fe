package io.lockstep.replication.store;

/** Immutable. The name of an object on one daemon. */
public record ObjectKey(long set, long inode) {
  @Override
  public String toString() {
    return Long.toHexString(set) + "/" + Long.toHexString(inode);
  }
}
