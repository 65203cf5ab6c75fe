package io.lockstep.replication.marks;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import java.nio.ByteBuffer;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Immutable. How {@link ObjectMarks} are stored, big-endian; the store puts a checksum behind it.
 *
 * <pre>
 * u8  version = 1
 * u8  flags: 1 tombstone, 2 present, 4 healing, 8 dirty, 16 lost (beside healing)
 * u64 newest.term   u64 newest.sequence
 * u64 versions      u64 size
 * if dirty:  u64 token.term  u64 token.sequence  u64 cycle  u32 layer
 * u8  count of pending marks, each:  u32 member  u64 version  u64 epoch
 * </pre>
 */
public final class MarksFormat {
  private static final int VERSION = 1;
  private static final int TOMBSTONE = 1;
  private static final int PRESENT = 2;
  private static final int HEALING = 4;
  private static final int DIRTY = 8;
  private static final int LOST = 16;
  private static final int FIXED_BYTES = 2 + 4 * 8 + 1;
  private static final int DIRTY_BYTES = 3 * 8 + 4;
  private static final int PENDING_BYTES = 4 + 2 * 8;

  /** A set keeps ids of members that it had before, so there may be more marks than members. */
  private static final int PENDING_MAX = Limits.MEMBERS_MAX * 16;

  private MarksFormat() {}

  public static byte[] encode(ObjectMarks marks) {
    DirtyMark dirty = marks.dirty();
    ByteBuffer bytes =
        ByteBuffer.allocate(
            FIXED_BYTES
                + (dirty == null ? 0 : DIRTY_BYTES)
                + marks.pending().size() * PENDING_BYTES);
    int flags =
        (marks.tombstone() ? TOMBSTONE : 0)
            | (marks.present() ? PRESENT : 0)
            | (marks.healing() ? HEALING : 0)
            | (marks.copy() == Copy.LOST ? LOST : 0)
            | (dirty != null ? DIRTY : 0);
    bytes.put((byte) VERSION).put((byte) flags);
    putToken(bytes, marks.newest());
    bytes.putLong(marks.versions()).putLong(marks.size());
    if (dirty != null) {
      putToken(bytes, dirty.token());
      bytes.putLong(dirty.cycle()).putInt(dirty.layer());
    }
    bytes.put((byte) marks.pending().size());
    marks
        .pending()
        .forEach(
            (member, mark) -> bytes.putInt(member).putLong(mark.version()).putLong(mark.epoch()));
    return bytes.array();
  }

  /** The marks in {@code bytes}; CORRUPT or WRONG_VERSION if they are not such. */
  public static ObjectMarks decode(byte[] stored) throws Outcome {
    if (stored.length < FIXED_BYTES) {
      throw new Outcome(ErrorCode.CORRUPT, "a record of marks has " + stored.length + " bytes");
    }
    ByteBuffer bytes = ByteBuffer.wrap(stored);
    int version = bytes.get();
    if (version != VERSION) {
      throw new Outcome(
          ErrorCode.WRONG_VERSION,
          "a record of marks has format " + version + ", known is " + VERSION);
    }
    int flags = bytes.get();
    Token newest = token(bytes);
    long versions = bytes.getLong();
    long size = bytes.getLong();
    int dirtyBytes = (flags & DIRTY) != 0 ? DIRTY_BYTES : 0;
    if (bytes.remaining() < dirtyBytes + 1) {
      throw new Outcome(ErrorCode.CORRUPT, "a record of marks ends in its dirty mark");
    }
    DirtyMark dirty =
        dirtyBytes == 0 ? null : new DirtyMark(token(bytes), bytes.getLong(), bytes.getInt());
    int count = bytes.get() & 0xff;
    if (count > PENDING_MAX || bytes.remaining() != count * PENDING_BYTES) {
      throw new Outcome(ErrorCode.CORRUPT, "a record of marks says " + count + " pending marks");
    }
    SortedMap<Integer, Pending> pending = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      pending.put(bytes.getInt(), new Pending(bytes.getLong(), bytes.getLong()));
    }
    return new ObjectMarks(
        newest,
        dirty,
        pending,
        versions,
        (flags & TOMBSTONE) != 0,
        copy(flags),
        (flags & PRESENT) != 0,
        size);
  }

  private static Copy copy(int flags) {
    if ((flags & HEALING) == 0) {
      return Copy.WHOLE;
    }
    return (flags & LOST) == 0 ? Copy.HALF : Copy.LOST;
  }

  private static void putToken(ByteBuffer bytes, Token token) {
    bytes.putLong(token.term()).putLong(token.sequence());
  }

  private static Token token(ByteBuffer bytes) {
    return new Token(bytes.getLong(), bytes.getLong());
  }
}
