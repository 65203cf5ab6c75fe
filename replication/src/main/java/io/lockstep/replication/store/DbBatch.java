package io.lockstep.replication.store;

import io.lockstep.core.Check;
import io.lockstep.replication.marks.MarksFormat;
import io.lockstep.replication.marks.ObjectMarks;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/**
 * Confined to its maker. Changes of marks and checksums that become durable together: the group
 * commit of a disk agent (I5).
 */
public final class DbBatch implements AutoCloseable {
  private final WriteBatch batch = new WriteBatch();
  private boolean sync;

  DbBatch() {}

  /**
   * The marks of an object.
   *
   * @param mustBeDurable false for what may be lost in a crash: a mark that comes back does no harm
   */
  public void putMarks(ObjectKey key, ObjectMarks marks, boolean mustBeDurable) {
    try {
      batch.put(DbKeys.ofObject(DbKeys.MARKS, key), Checksummed.seal(MarksFormat.encode(marks)));
      byte[] index = DbKeys.ofObject(DbKeys.MARKED, key);
      if (marks.isMarked()) {
        batch.put(index, new byte[0]);
      } else {
        batch.delete(index);
      }
    } catch (RocksDBException e) {
      throw bug(e);
    }
    sync |= mustBeDurable;
  }

  /** The object is forgotten. */
  public void removeMarks(ObjectKey key) {
    try {
      batch.delete(DbKeys.ofObject(DbKeys.MARKS, key));
      batch.delete(DbKeys.ofObject(DbKeys.MARKED, key));
    } catch (RocksDBException e) {
      throw bug(e);
    }
    sync = true;
  }

  void putSums(ObjectKey key, int group, byte[] sums) {
    try {
      batch.put(DbKeys.ofSums(key, group), Checksummed.seal(sums));
    } catch (RocksDBException e) {
      throw bug(e);
    }
  }

  /** Forgets the checksums of groups from {@code group} on. */
  void removeSums(ObjectKey key, int group) {
    try {
      batch.deleteRange(DbKeys.ofSums(key, group), DbKeys.behindObject(DbKeys.SUMS, key));
    } catch (RocksDBException e) {
      throw bug(e);
    }
  }

  /** Whether something in it must survive a crash. */
  public boolean isDurable() {
    return sync;
  }

  boolean isEmpty() {
    return batch.count() == 0;
  }

  WriteBatch batch() {
    return batch;
  }

  /** A batch in memory refuses only what is no key. */
  private static Check.BrokenInvariant bug(RocksDBException e) {
    return Check.unreachable("the batch refused a change: %s", e.getMessage());
  }

  @Override
  public void close() {
    batch.close();
  }
}
