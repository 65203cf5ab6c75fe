package io.lockstep.metadata.catalogue;

import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * Immutable. Keys of the catalogue in the store: a first byte from 0x81 to 0x8e says which table
 * (the namespace has those below 0x80, the log 0x8f), ids follow big-endian.
 */
final class Keys {
  static final byte VOLUME = (byte) 0x81; // volume -> VolumeRecord
  static final byte SET = (byte) 0x82; // set -> SetRecord
  static final byte DAEMON = (byte) 0x83; // UUID -> DaemonRecord
  static final byte SESSION = (byte) 0x84; // session -> SessionRecord
  static final byte LOW_WATER = (byte) 0x85; // session -> u64
  static final byte ANSWER = (byte) 0x86; // session, sequence -> Reply
  static final byte DEAD = (byte) 0x87; // set, inode -> DeadRecord
  static final byte DEAD_WAITING = (byte) 0x88; // set, inode -> DeadRecord
  static final byte NEXT_ID = (byte) 0x89; // -> u64
  static final byte LOCKD_TERM = (byte) 0x8a; // -> u64

  private Keys() {}

  static byte[] of(byte table) {
    return new byte[] {table};
  }

  static byte[] of(byte table, long id) {
    return ByteBuffer.allocate(9).put(table).putLong(id).array();
  }

  static byte[] of(byte table, long first, long second) {
    return ByteBuffer.allocate(17).put(table).putLong(first).putLong(second).array();
  }

  static byte[] of(byte table, UUID id) {
    return of(table, id.getMostSignificantBits(), id.getLeastSignificantBits());
  }

  /** The first key after all of {@code table}. */
  static byte[] end(byte table) {
    return of((byte) (table + 1));
  }

  static byte[] number(long value) {
    return ByteBuffer.allocate(8).putLong(value).array();
  }

  /** 0 if absent. */
  static long number(byte[] value) {
    return value == null ? 0 : ByteBuffer.wrap(value).getLong();
  }
}
