package io.lockstep.replication.store;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * Confined to the disk agent of its object. Computes and verifies the checksums of one object's
 * blocks, which {@link BlockSums} keeps.
 */
final class BlockChecks {
  private static final int BLOCK = Limits.BLOCK_BYTES;
  private static final int CHUNK = 1 << 20;
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(BLOCK);
  private static final int ZERO_BLOCK_SUM = crc(ZEROS.duplicate());

  private final ObjectKey key;
  private final BlockSums sums;
  private final BufferPool buffers;
  private final ByteBuffer blockBuffer;
  private final Runnable onCorrupt;

  /**
   * @param blockBuffer one block, lent by the table of this agent
   * @param onCorrupt counts blocks that are not what was written
   */
  BlockChecks(
      ObjectKey key,
      BlockSums sums,
      BufferPool buffers,
      ByteBuffer blockBuffer,
      Runnable onCorrupt) {
    this.key = key;
    this.sums = sums;
    this.buffers = buffers;
    this.blockBuffer = blockBuffer;
    this.onCorrupt = onCorrupt;
  }

  BlockSums sums() {
    return sums;
  }

  /** Checksums of the blocks that the buffers fill wholly. */
  void update(long offset, ByteBuffer[] buffers) throws IOException, Outcome {
    CRC32C crc = new CRC32C();
    long at = offset;
    boolean fromStart = at % BLOCK == 0;
    for (ByteBuffer buffer : buffers) {
      ByteBuffer rest = buffer.duplicate();
      int limit = rest.limit();
      while (rest.position() < limit) {
        int count = Math.min(limit - rest.position(), BLOCK - (int) (at % BLOCK));
        rest.limit(rest.position() + count);
        crc.update(rest);
        at += count;
        if (at % BLOCK == 0) {
          if (fromStart) {
            sums.put(at / BLOCK - 1, (int) crc.getValue());
          }
          crc.reset();
          fromStart = true;
        }
      }
    }
  }

  /** CORRUPT if a block of these bytes, which begin at a block, has another checksum. */
  void verify(ByteBuffer bytes, long from) throws IOException, Outcome {
    int limit = bytes.limit();
    for (int at = 0; at < limit; at += BLOCK) {
      long block = (from + at) / BLOCK;
      if (sums.isKnown(block)) {
        bytes.limit(Math.min(limit, at + BLOCK)).position(at);
        checkSum(block, paddedSum(bytes));
      }
    }
    bytes.limit(limit).position(0);
  }

  /** CORRUPT if the block on the disk, which is going to be changed in part, is bad. */
  void verifyBlock(ObjectFile open, long block, long size) throws IOException, Outcome {
    if (block * BLOCK < size && sums.isKnown(block)) {
      checkSum(block, readSum(open, block));
    }
  }

  private void checkSum(long block, int found) throws IOException, Outcome {
    int expected = sums.sum(block);
    if (found != expected) {
      onCorrupt.run();
      throw new Outcome(
          ErrorCode.CORRUPT,
          String.format(
              Locale.ROOT,
              "object %s is corrupt at offset %d: CRC32C %08x, expected %08x",
              key,
              block * BLOCK,
              found,
              expected));
    }
  }

  /** The block was changed in part: takes its checksum from the disk. */
  void updateFromFile(ObjectFile open, long block) throws IOException, Outcome {
    sums.put(block, readSum(open, block));
  }

  private int readSum(ObjectFile open, long block) throws IOException {
    ByteBuffer buffer = blockBuffer;
    buffer.clear();
    open.read(buffer, block * BLOCK);
    return paddedSum(buffer.flip());
  }

  /** Of the bytes, filled up with zeros to a block. */
  private static int paddedSum(ByteBuffer bytes) {
    int missing = BLOCK - bytes.remaining();
    if (missing == BLOCK) {
      return ZERO_BLOCK_SUM;
    }
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    crc.update(ZEROS.duplicate().limit(missing));
    return (int) crc.getValue();
  }

  private static int crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  /** Reads some bytes at an offset; negative at the end. */
  interface Source {
    int read(ByteBuffer target, long offset) throws IOException;
  }

  /** CRC32C of each block as it is, the last one as short as it is. */
  byte[] hash(Source source, long sourceSize, long offset, int blocks, boolean learn)
      throws IOException, Outcome {
    long end = Math.min(sourceSize, offset + (long) blocks * BLOCK);
    int count = offset >= end ? 0 : (int) (BlockSums.blocks(end) - offset / BLOCK);
    ByteBuffer result = ByteBuffer.allocate(4 * count);
    ByteBuffer chunk = buffers.take(CHUNK);
    try {
      for (long at = offset; at < end; at += CHUNK) {
        chunk.clear().limit((int) Math.min(CHUNK, end - at));
        while (chunk.hasRemaining() && source.read(chunk, at + chunk.position()) >= 0) {}
        chunk.flip();
        int read = chunk.limit();
        for (int i = 0; i < read; i += BLOCK) {
          chunk.limit(Math.min(read, i + BLOCK)).position(i);
          long block = (at + i) / BLOCK;
          if (learn && !sums.isKnown(block)) {
            sums.put(block, paddedSum(chunk.duplicate()));
          }
          result.putInt(crc(chunk));
        }
      }
      return Arrays.copyOf(result.array(), result.position());
    } finally {
      buffers.give(chunk);
    }
  }
}
