package io.lockstep.replication.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.wire.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Direct buffers for reads, kept for reuse in a few sizes; what does not
 * fit is allocated and left to the collector.
 */
public final class BufferPool {
  private static final int[] SIZES = {16 << 10, 144 << 10, (1 << 20) + (16 << 10)};
  private static final int[] KEPT_MAX = {64, 32, 8};

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final ArrayDeque<ByteBuffer>[] free = newQueues();

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static ArrayDeque<ByteBuffer>[] newQueues() {
    ArrayDeque[] queues = new ArrayDeque[SIZES.length];
    for (int i = 0; i < queues.length; i++) {
      queues[i] = new ArrayDeque<ByteBuffer>();
    }
    return queues;
  }

  /** A buffer with at least this capacity, cleared. */
  ByteBuffer take(int bytes) {
    int index = index(bytes);
    if (index < 0) {
      return ByteBuffer.allocateDirect(bytes);
    }
    lock.lock();
    try {
      ByteBuffer buffer = free[index].poll();
      if (buffer != null) {
        return buffer.clear();
      }
    } finally {
      lock.unlock();
    }
    return ByteBuffer.allocateDirect(SIZES[index]);
  }

  void give(ByteBuffer buffer) {
    int index = index(buffer.capacity());
    if (index < 0 || buffer.capacity() != SIZES[index]) {
      return;
    }
    lock.lock();
    try {
      if (free[index].size() < KEPT_MAX[index]) {
        free[index].push(buffer);
      }
    } finally {
      lock.unlock();
    }
  }

  private static int index(int bytes) {
    for (int i = 0; i < SIZES.length; i++) {
      if (bytes <= SIZES[i]) {
        return i;
      }
    }
    return -1;
  }

  /** The remaining bytes of {@code view}, part of {@code whole}, which comes back at the end. */
  Payload payload(ByteBuffer whole, ByteBuffer view) {
    if (!view.hasRemaining()) {
      give(whole);
      return Payload.EMPTY;
    }
    return new Pooled(whole, view.slice());
  }

  /** Guarded by its counter. */
  private final class Pooled implements Payload {
    private final ByteBuffer whole;
    private final ByteBuffer view;
    private final AtomicInteger references = new AtomicInteger(1);

    Pooled(ByteBuffer whole, ByteBuffer view) {
      this.whole = whole;
      this.view = view;
    }

    @Override
    public int sizeBytes() {
      return view.remaining();
    }

    @Override
    public ByteBuffer[] buffers() {
      return new ByteBuffer[] {view.asReadOnlyBuffer()};
    }

    @Override
    public Payload retain() {
      references.incrementAndGet();
      return this;
    }

    @Override
    public void release() {
      if (references.decrementAndGet() == 0) {
        give(whole);
      }
    }
  }
}
