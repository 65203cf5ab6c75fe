package io.lockstep.replication.client;

import io.lockstep.core.Limits;
import io.lockstep.wire.Payload;
import io.lockstep.wire.netty.ByteBufPayload;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by the lock of its {@link WriteBuffer} while it is queued; immutable once in flight.
 * Contiguous bytes that wait to be sent as one request; never across a multiple of the largest
 * request, so that long sequential writes go out aligned.
 *
 * <p>Large ones lie in pooled memory outside the heap, which goes to the sockets of all members as
 * it is; whoever takes an extent out of the buffer ends with {@link #release}. Small ones lie on
 * the heap: a frame copies them, which costs little, and a client that is abandoned leaks nothing.
 */
final class Extent {
  private static final int INITIAL_BYTES = 4096;
  private static final int HEAP_BYTES_MAX = 1 << 16;

  final long offset;

  /** The number of the write that began it: a barrier waits for those up to its own. */
  final long firstWrite;

  private final int lengthMax;
  private @Nullable ByteBufPayload memory;
  private ByteBuffer bytes;
  private int length;

  Extent(long offset, long firstWrite, int lengthHint) {
    this.offset = offset;
    this.firstWrite = firstWrite;
    this.lengthMax =
        (int) (Limits.PAYLOAD_BYTES_MAX - Math.floorMod(offset, (long) Limits.PAYLOAD_BYTES_MAX));
    allocate(Math.min(lengthMax, Math.max(INITIAL_BYTES, lengthHint)));
  }

  private void allocate(int capacity) {
    memory = capacity <= HEAP_BYTES_MAX ? null : ByteBufPayload.allocate(capacity);
    bytes = memory == null ? ByteBuffer.allocate(capacity) : memory.target();
  }

  long end() {
    return offset + length;
  }

  int length() {
    return length;
  }

  /** Memory that it holds. */
  int capacity() {
    return bytes.capacity();
  }

  boolean isFull() {
    return length == lengthMax;
  }

  /** How many bytes fit at {@code at}, which is inside or at the end. */
  int room(long at) {
    return (int) (offset + lengthMax - at);
  }

  /** Takes {@code count} bytes of {@code source} at {@code at}. */
  void put(long at, ByteBuffer source, int count) {
    int from = (int) (at - offset);
    int end = from + count;
    if (end > bytes.capacity()) {
      grow(end);
    }
    bytes.put(from, source, source.position(), count);
    source.position(source.position() + count);
    length = Math.max(length, end);
  }

  private void grow(int end) {
    @Nullable ByteBufPayload former = memory;
    ByteBuffer formerBytes = bytes;
    allocate(Math.min(lengthMax, Math.max(end, 2 * formerBytes.capacity())));
    bytes.put(0, formerBytes, 0, length);
    if (former != null) {
      former.release();
    }
  }

  /** A private view of the bytes from {@code from} to {@code to}, absolute offsets. */
  ByteBuffer view(long from, long to) {
    return bytes.slice((int) (from - offset), (int) (to - from));
  }

  /** All of it, once it is in flight; lives until {@link #release}, or longer if retained. */
  Payload payload() {
    return memory == null ? Payload.of(bytes.slice(0, length)) : memory.truncate(length);
  }

  void release() {
    if (memory != null) {
      memory.release();
    }
  }
}
