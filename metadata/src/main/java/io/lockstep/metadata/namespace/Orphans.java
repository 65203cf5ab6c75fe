package io.lockstep.metadata.namespace;

import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.wire.message.Timestamp;
import java.util.ArrayList;
import java.util.List;

/** Immutable. The end of inodes that have no name any more. */
final class Orphans {
  private Orphans() {}

  static List<Long> list(KvReader state, long afterInode, int max) {
    List<Long> found = new ArrayList<>();
    if (max <= 0) {
      return found;
    }
    state.scan(
        KeyLayout.after(KeyLayout.orphan(afterInode)),
        KeyLayout.endOf(new byte[] {KeyLayout.ORPHAN}),
        (key, value) -> {
          found.add(KeyLayout.number(key, KeyLayout.FIRST_ID));
          return found.size() < max;
        });
    return found;
  }

  static Collected collect(KvTransaction transaction, long id) {
    if (transaction.get(KeyLayout.orphan(id)) == null) {
      return null;
    }
    Change change = new Change(transaction, Timestamp.getDefaultInstance());
    Inode inode = change.inode(id);
    deleteAll(transaction, KeyLayout.xattrs(id));
    transaction.delete(KeyLayout.orphan(id));
    transaction.delete(KeyLayout.inode(id));
    if (inode.set() != 0) {
      transaction.delete(KeyLayout.setIndex(inode.set(), id));
    }
    change.addUsage(inode.volume(), -1, -inode.usageBytes());
    return new Collected(id, inode.volume(), inode.set());
  }

  /** The xattrs of an inode are bounded, so this is. */
  private static void deleteAll(KvTransaction transaction, byte[] prefix) {
    List<byte[]> keys = new ArrayList<>();
    transaction.scan(prefix, KeyLayout.endOf(prefix), (key, value) -> keys.add(key));
    keys.forEach(transaction::delete);
  }
}
