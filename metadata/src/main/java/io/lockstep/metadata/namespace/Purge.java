package io.lockstep.metadata.namespace;

import io.lockstep.metadata.kv.KvTransaction;
import java.util.ArrayList;
import java.util.List;

/** Confined to one step of the removal of a volume. Bounded, whatever the volume holds. */
final class Purge {
  private final KvTransaction transaction;
  private final long volume;
  private int rowsLeft;

  Purge(KvTransaction transaction, long volume, int rowsMax) {
    this.transaction = transaction;
    this.volume = volume;
    this.rowsLeft = Math.max(1, rowsMax);
  }

  /** The inode at which the next step starts, or 0 when nothing of the volume is left. */
  long step(long fromInode) {
    List<Inode> inodes = new ArrayList<>();
    long[] next = {0};
    transaction.scan(
        KeyLayout.inode(fromInode),
        KeyLayout.endOf(new byte[] {KeyLayout.INODE}),
        (key, value) -> {
          boolean full = inodes.size() == rowsLeft;
          next[0] = full ? KeyLayout.number(key, KeyLayout.FIRST_ID) : 0;
          return !full && inodes.add(Inode.decode(value));
        });
    for (Inode inode : inodes) {
      if (inode.volume() == volume && !remove(inode)) {
        return inode.id();
      }
    }
    if (next[0] == 0) {
      transaction.delete(KeyLayout.usage(volume));
    }
    return next[0];
  }

  /** False if the bound came first: then the inode record still stands. */
  private boolean remove(Inode inode) {
    long id = inode.id();
    boolean all =
        deleteAll(KeyLayout.names(id))
            && deleteAll(KeyLayout.positions(id))
            && deleteAll(KeyLayout.links(id))
            && deleteAll(KeyLayout.xattrs(id));
    if (all) {
      transaction.delete(KeyLayout.orphan(id));
      transaction.delete(KeyLayout.setIndex(inode.set(), id));
      transaction.delete(KeyLayout.inode(id));
      rowsLeft--;
    }
    return all;
  }

  private boolean deleteAll(byte[] prefix) {
    List<byte[]> keys = new ArrayList<>();
    if (rowsLeft <= 0) {
      return false;
    }
    transaction.scan(
        prefix, KeyLayout.endOf(prefix), (key, value) -> keys.add(key) && keys.size() < rowsLeft);
    keys.forEach(transaction::delete);
    rowsLeft -= keys.size();
    return rowsLeft > 0;
  }
}
