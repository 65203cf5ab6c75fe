package io.lockstep.simulation;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Immutable. Records: what is appended to logs, or fills whole files. Each carries its number again
 * and again with checksums, so that a mix of two shows, and fits no sector and no block.
 */
final class Records {
  static final int BYTES = 1008;

  private static final int ITEM_BYTES = 12;

  private Records() {}

  /** So many records of one number. */
  static ByteBuffer fill(int value, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * BYTES);
    for (int i = 0; i < count * BYTES / ITEM_BYTES; i++) {
      int item = i % (BYTES / ITEM_BYTES);
      bytes.putInt(value).putInt(item).putInt(sum(value, item));
    }
    return bytes.flip();
  }

  private static int sum(int value, int item) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(8).putInt(value).putInt(item).flip());
    return (int) crc.getValue();
  }

  /** The number of the record at {@code index} of what was read; 0 = zeros, -1 = torn. */
  static int value(byte[] read, int index) {
    ByteBuffer bytes = ByteBuffer.wrap(read, index * BYTES, BYTES);
    int value = bytes.getInt(bytes.position());
    for (int i = 0; i < BYTES / ITEM_BYTES; i++) {
      int found = bytes.getInt();
      int item = bytes.getInt();
      int check = bytes.getInt();
      boolean empty = found == 0 && item == 0 && check == 0;
      boolean whole = item == i && check == sum(found, i);
      if (found != value || !(value == 0 ? empty : whole)) {
        return -1;
      }
    }
    return value;
  }
}
