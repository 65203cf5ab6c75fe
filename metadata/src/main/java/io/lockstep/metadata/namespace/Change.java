package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.Limits;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.InodeRecord;
import io.lockstep.wire.message.Timestamp;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to one mutation. Its unit of work: inodes are read once, changed in memory and written
 * by {@link #save}, together with the usage of their volumes. A mutation that is refused saves
 * nothing, so it has to be decided before the first entry is added or removed.
 */
final class Change {
  /** What stat shows as size of every directory: one block. */
  private static final int DIRECTORY_SIZE = Limits.BLOCK_BYTES;

  private final KvTransaction transaction;
  private final Rows rows;
  private final Timestamp now;
  private final Map<Long, Inode> inodes = new TreeMap<>();
  private final Map<Long, Long> bytesBefore = new TreeMap<>();

  Change(KvTransaction transaction, Timestamp now) {
    this.transaction = transaction;
    this.rows = new Rows(transaction);
    this.now = now;
  }

  /** The time of this mutation. */
  Timestamp now() {
    return now;
  }

  KvTransaction transaction() {
    return transaction;
  }

  Rows rows() {
    return rows;
  }

  /** The inode, or null; the same object for the same id. */
  Inode inode(long id) {
    Inode known = inodes.get(id);
    if (known != null) {
      return known;
    }
    Inode read = rows.inode(id);
    if (read != null) {
      inodes.put(id, read);
      bytesBefore.put(id, read.usageBytes());
    }
    return read;
  }

  Dentry dentry(Inode directory, ByteString name) {
    return rows.dentry(directory.id(), name);
  }

  /** A new inode without a name, all times now. */
  Inode create(long volume, FileType type) {
    long id = rows.nextInode();
    transaction.put(KeyLayout.counter(), KeyLayout.numbers(id + 1));
    Inode inode = new Inode(InodeRecord.newBuilder().setFormat(KeyLayout.FORMAT));
    inode
        .change()
        .setInode(id)
        .setVolume(volume)
        .setType(type)
        .setNlink(type == FileType.DIRECTORY ? 2 : 1)
        .setSize(type == FileType.DIRECTORY ? DIRECTORY_SIZE : 0)
        .setAtime(now)
        .setMtime(now)
        .setCtime(now);
    inodes.put(id, inode);
    return inode;
  }

  /** Gives {@code child} a name; its own link count is the caller's business. */
  void addEntry(Inode directory, ByteString name, Inode child, long position) {
    Dentry dentry = new Dentry(name, child.id(), child.type(), position);
    transaction.put(KeyLayout.name(directory.id(), name), dentry.nameValue());
    transaction.put(KeyLayout.position(directory.id(), position), dentry.positionValue());
    transaction.put(KeyLayout.link(child.id(), directory.id(), name), KeyLayout.NOTHING);
    countEntry(directory, dentry, 1);
  }

  /** Takes a name away; the link count of what it named is the caller's business. */
  void removeEntry(Inode directory, Dentry dentry) {
    transaction.delete(KeyLayout.name(directory.id(), dentry.name()));
    transaction.delete(KeyLayout.position(directory.id(), dentry.position()));
    transaction.delete(KeyLayout.link(dentry.inode(), directory.id(), dentry.name()));
    countEntry(directory, dentry, -1);
  }

  private void countEntry(Inode directory, Dentry dentry, int by) {
    directory.addEntries(by);
    directory.modifiedAt(now);
    if (dentry.isDirectory()) {
      directory.setNlink(directory.nlink() + by);
    }
  }

  /** After one name of {@code inode} was removed: an inode without names becomes an orphan. */
  void dropLink(Inode inode) {
    inode.setNlink(inode.isDirectory() ? 0 : inode.nlink() - 1);
    inode.changedAt(now);
    if (inode.isDead()) {
      transaction.put(KeyLayout.orphan(inode.id()), KeyLayout.NOTHING);
    }
  }

  void addUsage(long volume, long moreInodes, long moreBytes) {
    if (moreInodes == 0 && moreBytes == 0) {
      return;
    }
    Usage usage = rows.usage(volume);
    transaction.put(
        KeyLayout.usage(volume),
        KeyLayout.numbers(usage.inodes() + moreInodes, usage.bytes() + moreBytes));
  }

  /** Writes every inode that was changed. */
  void save() {
    for (Inode inode : inodes.values()) {
      if (inode.isChanged()) {
        transaction.put(KeyLayout.inode(inode.id()), inode.encode());
        Long before = bytesBefore.get(inode.id());
        long moreBytes = inode.usageBytes() - (before == null ? 0 : before);
        addUsage(inode.volume(), before == null ? 1 : 0, moreBytes);
      }
    }
  }
}
