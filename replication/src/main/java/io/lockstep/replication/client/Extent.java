package io.lockstep.replication.client;

import io.lockstep.core.Limits;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Guarded by the lock of its {@link WriteBuffer} while it is queued; immutable once in flight.
 * Contiguous bytes that wait to be sent as one request; never across a multiple of the largest
 * request, so that long sequential writes go out aligned.
 */
final class Extent {
  private static final int INITIAL_BYTES = 4096;

  final long offset;

  /** The number of the write that began it: a barrier waits for those up to its own. */
  final long firstWrite;

  private final int lengthMax;
  private byte[] bytes;
  private int length;

  Extent(long offset, long firstWrite, int lengthHint) {
    this.offset = offset;
    this.firstWrite = firstWrite;
    this.lengthMax =
        (int) (Limits.PAYLOAD_BYTES_MAX - Math.floorMod(offset, (long) Limits.PAYLOAD_BYTES_MAX));
    this.bytes = new byte[Math.min(lengthMax, Math.max(INITIAL_BYTES, lengthHint))];
  }

  long end() {
    return offset + length;
  }

  int length() {
    return length;
  }

  boolean isFull() {
    return length == lengthMax;
  }

  /** How many bytes fit at {@code at}, which is inside or at the end. */
  int room(long at) {
    return (int) (offset + lengthMax - at);
  }

  /** Takes {@code count} bytes of {@code source} at {@code at}; returns by how much it grew. */
  int put(long at, ByteBuffer source, int count) {
    int from = (int) (at - offset);
    int end = from + count;
    if (end > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.min(lengthMax, Math.max(end, 2 * bytes.length)));
    }
    source.get(bytes, from, count);
    int grown = Math.max(0, end - length);
    length += grown;
    return grown;
  }

  /** A private view of the bytes from {@code from} to {@code to}, absolute offsets. */
  ByteBuffer view(long from, long to) {
    return ByteBuffer.wrap(bytes, (int) (from - offset), (int) (to - from));
  }
}
