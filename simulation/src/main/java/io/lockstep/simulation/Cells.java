package io.lockstep.simulation;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Immutable. Cells: the units of a file that carry the number of the write that filled them, again
 * and again, with their place and a checksum, so that a mix of two writes shows.
 */
public final class Cells {
  public static final int BYTES = 512;
  public static final int COUNT = 48;

  private static final int ITEM_BYTES = 16;

  private Cells() {}

  public static ByteBuffer fill(int value, int first, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * BYTES);
    for (int cell = first; cell < first + count; cell++) {
      for (int i = 0; i < BYTES / ITEM_BYTES; i++) {
        bytes.putInt(value).putInt(cell).putInt(i).putInt(sum(value, cell, i));
      }
    }
    return bytes.flip();
  }

  private static int sum(int value, int cell, int item) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(12).putInt(value).putInt(cell).putInt(item).flip());
    return (int) crc.getValue();
  }

  /** The number in the cell at {@code index} of what was read; 0 = never written, -1 = torn. */
  public static int value(byte[] read, int index, int cell) {
    ByteBuffer bytes = ByteBuffer.wrap(read, index * BYTES, BYTES);
    int value = bytes.getInt(bytes.position());
    for (int i = 0; i < BYTES / ITEM_BYTES; i++) {
      int found = bytes.getInt();
      int place = bytes.getInt();
      int item = bytes.getInt();
      int check = bytes.getInt();
      boolean empty = found == 0 && place == 0 && item == 0 && check == 0;
      boolean whole = place == cell && item == i && check == sum(found, cell, i);
      if (found != value || !(value == 0 ? empty : whole)) {
        return -1;
      }
    }
    return value;
  }
}
