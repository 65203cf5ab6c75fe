package io.lockstep.replication.marks;

import io.lockstep.core.Token;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. The record of one object on one member. {@link MarksFormat} draws how it is stored.
 *
 * @param newest the newest token known: older ones are refused (I1). Kept as long as the object
 * @param dirty stands while a write may be in flight, or null
 * @param pending by member id
 * @param versions the last version given to a pending mark of this object
 * @param tombstone the inode is dead: nothing is served, nothing is created again (P15)
 * @param copy whether they are to be trusted, and their stored checksums, after a crash
 * @param present a file with the object's bytes belongs to this record
 * @param size of that file when the last mark was cleared; speaks only of an object that is settled
 */
public record ObjectMarks(
    Token newest,
    @Nullable DirtyMark dirty,
    SortedMap<Integer, Pending> pending,
    long versions,
    boolean tombstone,
    Copy copy,
    boolean present,
    long size) {
  /** Of an object that nobody has written. */
  public static final ObjectMarks NONE =
      new ObjectMarks(
          Token.NONE, null, Collections.emptySortedMap(), 0, false, Copy.WHOLE, false, 0);

  /** Of an object whose inode is dead, and which has no record any more. */
  public static final ObjectMarks DEAD =
      new ObjectMarks(
          Token.NONE, null, Collections.emptySortedMap(), 0, true, Copy.WHOLE, false, 0);

  public ObjectMarks {
    pending = Collections.unmodifiableSortedMap(pending);
  }

  /** Whether the bytes are not whole, and nobody may read them. */
  public boolean healing() {
    return copy != Copy.WHOLE;
  }

  /** Whether the object belongs into the index of marked objects. */
  public boolean isMarked() {
    return dirty != null || healing() || !pending.isEmpty();
  }

  /** Whether nothing is in flight here: bytes, {@link #size} and stored checksums agree. */
  public boolean isSettled() {
    return dirty == null && !healing();
  }

  public boolean hasPendingFor(int member) {
    return pending.containsKey(member);
  }

  ObjectMarks withNewest(Token token) {
    return new ObjectMarks(token, dirty, pending, versions, tombstone, copy, present, size);
  }

  ObjectMarks withDirty(@Nullable DirtyMark mark) {
    return new ObjectMarks(newest, mark, pending, versions, tombstone, copy, present, size);
  }

  ObjectMarks withPending(SortedMap<Integer, Pending> marks, long lastVersion) {
    return new ObjectMarks(newest, dirty, marks, lastVersion, tombstone, copy, present, size);
  }

  ObjectMarks withoutPending(int member) {
    SortedMap<Integer, Pending> rest = new TreeMap<>(pending);
    rest.remove(member);
    return withPending(rest, versions);
  }

  ObjectMarks withCopy(Copy now) {
    return new ObjectMarks(newest, dirty, pending, versions, tombstone, now, present, size);
  }

  /** With bytes on the disk, or without. */
  public ObjectMarks withPresent(boolean nowPresent) {
    return new ObjectMarks(newest, dirty, pending, versions, tombstone, copy, nowPresent, size);
  }

  /** With the size that the file has now that nothing is in flight. */
  public ObjectMarks withSize(long sizeBytes) {
    return new ObjectMarks(newest, dirty, pending, versions, tombstone, copy, present, sizeBytes);
  }
}
