package io.lockstep.simulation;

import io.lockstep.simulation.check.AppendHistory.Seen;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Immutable. Records: what is appended to logs, or fills whole files. Each carries its number again
 * and again with checksums, so that a mix of two shows, and fits no sector and no block.
 */
final class Records {
  static final int BYTES = 1008;

  private static final int ITEM_BYTES = 12;
  private static final int TORN = -1;

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

  /**
   * The records in the first bytes of a log, one after another. What lies between, as the first
   * part of a record that did not fit on a full disk, is one that is torn.
   *
   * @param toEnd whether the log ends there; else the last one may be cut, and is left out
   */
  static Seen scan(byte[] read, int size, boolean toEnd) {
    List<Long> places = new ArrayList<>();
    List<Integer> values = new ArrayList<>();
    int at = 0;
    boolean torn = false;
    while (at < size) {
      int value = at + BYTES <= size && mayBegin(read, at) ? valueAt(read, at) : TORN;
      boolean whole = value != TORN;
      if (whole || !torn) {
        places.add((long) at);
        values.add(value);
      }
      torn = !whole;
      at += whole ? BYTES : 1;
    }
    if (toEnd || values.isEmpty()) {
      return new Seen(places, values, size, toEnd);
    }
    int last = values.size() - 1;
    return new Seen(places.subList(0, last), values.subList(0, last), places.get(last), false);
  }

  /** A record begins with its item 0; this is cheap to see. */
  private static boolean mayBegin(byte[] read, int at) {
    return read[at + 4] == 0 && read[at + 5] == 0 && read[at + 6] == 0 && read[at + 7] == 0;
  }

  /** The number of the record at {@code index} of what was read; 0 = zeros, -1 = torn. */
  static int value(byte[] read, int index) {
    return valueAt(read, index * BYTES);
  }

  private static int valueAt(byte[] read, int at) {
    ByteBuffer bytes = ByteBuffer.wrap(read, at, BYTES);
    int value = bytes.getInt(bytes.position());
    for (int i = 0; i < BYTES / ITEM_BYTES; i++) {
      int found = bytes.getInt();
      int item = bytes.getInt();
      int check = bytes.getInt();
      boolean empty = found == 0 && item == 0 && check == 0;
      boolean whole = item == i && check == sum(found, i);
      if (found != value || !(value == 0 ? empty : whole)) {
        return TORN;
      }
    }
    return value;
  }
}
