package io.lockstep.replication.store;

import java.nio.ByteBuffer;

/**
 * Immutable. The keys of a daemon's RocksDB: one letter, then big-endian numbers, so that order of
 * keys is order of inodes.
 *
 * <pre>
 * 'R' u64 set                                      registry record
 * 'C' u64 set                                      adopted configuration (SetConfigMessage)
 * 'O' u64 set  u64 inode                           marks (MarksFormat)
 * 'M' u64 set  u64 inode                           there are marks: the index of 'O'
 * 'S' u64 set  u64 inode  u32 layer  u32 group     checksums (BlockSums)
 * </pre>
 */
final class DbKeys {
  static final byte RECORD = 'R';
  static final byte CONFIG = 'C';
  static final byte MARKS = 'O';
  static final byte MARKED = 'M';
  static final byte SUMS = 'S';

  private static final int HEAD_LAYER = 0;

  private DbKeys() {}

  static byte[] ofSet(byte kind, long set) {
    return ByteBuffer.allocate(9).put(kind).putLong(set).array();
  }

  /** Before all keys of this kind. */
  static byte[] first(byte kind) {
    return new byte[] {kind};
  }

  /** Behind all keys of this kind. */
  static byte[] behind(byte kind) {
    return new byte[] {(byte) (kind + 1)};
  }

  /** Behind all keys of this kind and set. */
  static byte[] behindSet(byte kind, long set) {
    return set == -1 ? behind(kind) : ofSet(kind, set + 1);
  }

  static byte[] ofObject(byte kind, ObjectKey key) {
    return ByteBuffer.allocate(17).put(kind).putLong(key.set()).putLong(key.inode()).array();
  }

  /** Behind the key of this object and all that begin with it. */
  static byte[] behindObject(byte kind, ObjectKey key) {
    return key.inode() == -1
        ? behindSet(kind, key.set())
        : ofObject(kind, new ObjectKey(key.set(), key.inode() + 1));
  }

  static byte[] ofSums(ObjectKey key, int group) {
    return ByteBuffer.allocate(25)
        .put(SUMS)
        .putLong(key.set())
        .putLong(key.inode())
        .putInt(HEAD_LAYER)
        .putInt(group)
        .array();
  }

  static long set(byte[] key) {
    return ByteBuffer.wrap(key).getLong(1);
  }

  static long inode(byte[] key) {
    return ByteBuffer.wrap(key).getLong(9);
  }
}
