package io.lockstep.tools.stress;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Immutable. Who wrote a block, as it stands in the block itself:
 *
 * <pre>
 *   0  magic        4 bytes
 *   4  writer       4 bytes
 *   8  sequence     8 bytes, of that writer
 *  16  block        8 bytes, its number in the file
 *  24  filling      made of the three
 *  4092 CRC32C      4 bytes, of all that comes before
 * </pre>
 */
record Stamp(int writer, long sequence, long block) {
  static final int BLOCK_BYTES = 4096;

  private static final int MAGIC = 0x4c53_5453;
  private static final int CRC_AT = BLOCK_BYTES - Integer.BYTES;
  private static final long MIX = 0x9E3779B97F4A7C15L;

  /** A block that was never written. */
  static Stamp none(long block) {
    return new Stamp(-1, 0, block);
  }

  void write(ByteBuffer target) {
    target.clear();
    target.putInt(MAGIC).putInt(writer).putLong(sequence).putLong(block);
    long filling = (writer * MIX + sequence) * MIX + block;
    while (target.position() <= CRC_AT - Long.BYTES) {
      filling = filling * MIX + 1;
      target.putLong(filling);
    }
    target.position(CRC_AT).putInt(crc(target)).flip();
  }

  /** What a block says, or null if it is damaged. */
  static Stamp read(ByteBuffer source, long block) {
    if (isZero(source)) {
      return none(block);
    }
    if (source.limit() != BLOCK_BYTES
        || source.getInt(0) != MAGIC
        || source.getInt(CRC_AT) != crc(source)) {
      return null;
    }
    return new Stamp(source.getInt(4), source.getLong(8), source.getLong(16));
  }

  /** Also what lies behind the end of the file. */
  private static boolean isZero(ByteBuffer source) {
    for (int i = 0; i < source.limit(); i++) {
      if (source.get(i) != 0) {
        return false;
      }
    }
    return true;
  }

  private static int crc(ByteBuffer block) {
    CRC32C crc = new CRC32C();
    crc.update(block.duplicate().clear().limit(CRC_AT));
    return (int) crc.getValue();
  }
}
