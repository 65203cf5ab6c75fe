package io.lockstep.replication.store;

import io.lockstep.replication.marks.MarksFormat;
import io.lockstep.replication.marks.ObjectMarks;

/**
 * Confined to its maker. Changes of marks and checksums that become durable together: the group
 * commit of a disk agent (I5).
 */
public final class DbBatch implements AutoCloseable {
  private final RowStore.Batch rows;
  private boolean sync;

  DbBatch(RowStore.Batch rows) {
    this.rows = rows;
  }

  /**
   * The marks of an object.
   *
   * @param mustBeDurable false for what may be lost in a crash: a mark that comes back does no harm
   */
  public void putMarks(ObjectKey key, ObjectMarks marks, boolean mustBeDurable) {
    rows.put(DbKeys.ofObject(DbKeys.MARKS, key), Checksummed.seal(MarksFormat.encode(marks)));
    byte[] index = DbKeys.ofObject(DbKeys.MARKED, key);
    if (marks.isMarked()) {
      rows.put(index, new byte[0]);
    } else {
      rows.delete(index);
    }
    sync |= mustBeDurable;
  }

  /** The object is forgotten. */
  public void removeMarks(ObjectKey key) {
    rows.delete(DbKeys.ofObject(DbKeys.MARKS, key));
    rows.delete(DbKeys.ofObject(DbKeys.MARKED, key));
    sync = true;
  }

  void putSums(ObjectKey key, int group, byte[] sums) {
    rows.put(DbKeys.ofSums(key, group), Checksummed.seal(sums));
  }

  /** Forgets the checksums of groups from {@code group} on. */
  void removeSums(ObjectKey key, int group) {
    rows.deleteRange(DbKeys.ofSums(key, group), DbKeys.behindObject(DbKeys.SUMS, key));
  }

  /** Whether something in it must survive a crash. */
  public boolean isDurable() {
    return sync;
  }

  boolean isEmpty() {
    return rows.isEmpty();
  }

  RowStore.Batch rows() {
    return rows;
  }

  @Override
  public void close() {
    rows.close();
  }
}
