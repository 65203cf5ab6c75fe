package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Immutable. The format of the namespace in the store, version 1: numbers are big-endian, so that
 * keys sort by them; names are raw bytes at the end of their key.
 *
 * <pre>
 *   00                            -> "lockstep" 0 | u32 format version
 *   01 | inode                    -> InodeRecord (protobuf, carries a format number)
 *   02 | directory | name         -> inode | u8 type | position        one get finds a name
 *   03 | directory | position     -> inode | u8 type | name            one scan lists a directory
 *   04 | inode | directory | name -> ""                                where an inode has its names
 *   05 | inode | xattr name       -> value
 *   06 | inode                    -> ""                                orphan: nlink is 0
 *   07 | set | inode              -> ""                                regular files of a set
 *   08 | volume                   -> inodes | bytes                    usage
 *   09                            -> the next inode id
 *   80 .. ff                         belong to the catalogue of the master
 * </pre>
 *
 * <p>Positions in a directory <b>fall</b>, from 2^48 - 1: a listing goes from the newest entry to
 * the oldest, and its cursor is the position of the last entry seen. So an entry that is made while
 * a listing is on its way is never in it, and a program that makes an entry for each one it reads
 * comes to an end. A rename within a directory keeps the position, and a replaced name keeps its
 * own, so that neither is missed nor listed twice.
 */
final class KeyLayout {
  static final int FORMAT = 1;

  static final byte VERSION = 0x00;
  static final byte INODE = 0x01;
  static final byte NAME = 0x02;
  static final byte POSITION = 0x03;
  static final byte LINK = 0x04;
  static final byte XATTR = 0x05;
  static final byte ORPHAN = 0x06;
  static final byte SET_INDEX = 0x07;
  static final byte USAGE = 0x08;
  static final byte COUNTER = 0x09;

  /** Positions are below this. */
  static final long POSITION_END = 1L << 48;

  static final byte[] NOTHING = {};

  /** Where the first and the second number of a key begin. */
  static final int FIRST_ID = 1;

  static final int SECOND_ID = 9;

  private KeyLayout() {}

  static byte[] version() {
    return new byte[] {VERSION};
  }

  static byte[] counter() {
    return new byte[] {COUNTER};
  }

  static byte[] inode(long inode) {
    return key(INODE, inode);
  }

  static byte[] name(long directory, ByteString name) {
    return key(NAME, directory, name);
  }

  static byte[] names(long directory) {
    return key(NAME, directory);
  }

  static byte[] position(long directory, long position) {
    return key(POSITION, directory, position);
  }

  static byte[] positions(long directory) {
    return key(POSITION, directory);
  }

  static byte[] link(long inode, long directory, ByteString name) {
    ByteBuffer key = ByteBuffer.allocate(SECOND_ID + Long.BYTES + name.size());
    key.put(LINK).putLong(inode).putLong(directory);
    name.copyTo(key);
    return key.array();
  }

  static byte[] links(long inode) {
    return key(LINK, inode);
  }

  static byte[] xattr(long inode, ByteString name) {
    return key(XATTR, inode, name);
  }

  static byte[] xattrs(long inode) {
    return key(XATTR, inode);
  }

  static byte[] orphan(long inode) {
    return key(ORPHAN, inode);
  }

  static byte[] setIndex(long set, long inode) {
    return key(SET_INDEX, set, inode);
  }

  static byte[] setIndexes(long set) {
    return key(SET_INDEX, set);
  }

  static byte[] usage(long volume) {
    return key(USAGE, volume);
  }

  /** The number at {@code offset}: {@link #FIRST_ID} or {@link #SECOND_ID}. */
  static long number(byte[] key, int offset) {
    return ByteBuffer.wrap(key).getLong(offset);
  }

  /** The name in a key of kind {@link #NAME} or {@link #XATTR}. */
  static ByteString nameIn(byte[] key) {
    return ByteString.copyFrom(key, SECOND_ID, key.length - SECOND_ID);
  }

  /** The name in a key of kind {@link #LINK}. */
  static ByteString nameInLink(byte[] key) {
    int start = SECOND_ID + Long.BYTES;
    return ByteString.copyFrom(key, start, key.length - start);
  }

  static byte[] numbers(long... numbers) {
    ByteBuffer value = ByteBuffer.allocate(numbers.length * Long.BYTES);
    for (long number : numbers) {
      value.putLong(number);
    }
    return value.array();
  }

  static byte[] versionValue() {
    ByteBuffer value = ByteBuffer.allocate(13);
    value.put(ByteString.copyFromUtf8("lockstep\0").toByteArray()).putInt(FORMAT);
    return value.array();
  }

  /** The end of the range of keys that begin with {@code prefix}, for a scan; never null here. */
  static byte[] endOf(byte[] prefix) {
    int last = prefix.length - 1;
    while (prefix[last] == (byte) 0xff) {
      last--;
    }
    byte[] end = Arrays.copyOf(prefix, last + 1);
    end[last]++;
    return end;
  }

  /** The first key after {@code key}. */
  static byte[] after(byte[] key) {
    return Arrays.copyOf(key, key.length + 1);
  }

  private static byte[] key(byte kind, long id) {
    return ByteBuffer.allocate(SECOND_ID).put(kind).putLong(id).array();
  }

  private static byte[] key(byte kind, long id, long second) {
    return ByteBuffer.allocate(SECOND_ID + Long.BYTES)
        .put(kind)
        .putLong(id)
        .putLong(second)
        .array();
  }

  private static byte[] key(byte kind, long id, ByteString name) {
    ByteBuffer key = ByteBuffer.allocate(SECOND_ID + name.size()).put(kind).putLong(id);
    name.copyTo(key);
    return key.array();
  }
}
