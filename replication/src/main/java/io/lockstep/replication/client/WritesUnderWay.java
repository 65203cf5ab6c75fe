package io.lockstep.replication.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Limits;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its own lock. Writes to one inode that callers of this mount wait for, from their
 * arrival to their end.
 *
 * <p>A kernel puts the bytes of a write into its pages before the mount hears of it, and never
 * again. If those pages are dropped meanwhile, a read that comes after the write brings them back;
 * answered with what was there before the write, it would leave them so when the write has long
 * returned. So a read waits for the writes of its pages that came before it.
 */
final class WritesUnderWay {
  private static final int PAGE = Limits.BLOCK_BYTES;

  /** Immutable but for its end, which completes it. */
  static final class Write {
    private final long from;
    private final long to;
    private final CompletableFuture<Void> end = new CompletableFuture<>();

    private Write(long offset, long length) {
      this.from = offset - offset % PAGE;
      this.to = (offset + length + PAGE - 1) / PAGE * PAGE;
    }

    private boolean shares(long offset, long length) {
      return offset < to && offset + length > from;
    }
  }

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final List<Write> writes = new ArrayList<>();

  /** So that reads need no lock where nobody writes. */
  private volatile boolean any;

  Write begin(long offset, long length) {
    Write write = new Write(offset, length);
    lock.lock();
    try {
      writes.add(write);
      any = true;
    } finally {
      lock.unlock();
    }
    return write;
  }

  /** It returns to its caller now, whatever became of it. */
  void end(Write write) {
    lock.lock();
    try {
      writes.remove(write);
      any = !writes.isEmpty();
    } finally {
      lock.unlock();
    }
    write.end.complete(null);
  }

  /** When those that share a page with these bytes have ended; null if there are none. */
  @Nullable CompletableFuture<Void> beside(long offset, long length) {
    if (!any) {
      return null;
    }
    lock.lock();
    try {
      CompletableFuture<?>[] ends =
          writes.stream()
              .filter(write -> write.shares(offset, length))
              .map(write -> write.end)
              .toArray(CompletableFuture<?>[]::new);
      return ends.length == 0 ? null : CompletableFuture.allOf(ends);
    } finally {
      lock.unlock();
    }
  }
}
