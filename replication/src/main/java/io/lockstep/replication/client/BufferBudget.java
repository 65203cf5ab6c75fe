package io.lockstep.replication.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. The bytes that all write-back buffers of a mount may hold together; who
 * wants more waits in line.
 */
final class BufferBudget {
  private record Waiter(long bytes, CompletableFuture<Void> granted) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final long bytesMax;
  private final Waits waits;

  @GuardedBy("lock")
  private long used;

  @GuardedBy("lock")
  private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();

  BufferBudget(long bytesMax, Waits waits) {
    this.bytesMax = bytesMax;
    this.waits = waits;
  }

  /** Takes {@code bytes}; waits for them until the time is over: TIMED_OUT. */
  void take(long bytes, long timeoutNs) throws Outcome {
    Waiter waiter;
    lock.lock();
    try {
      if (waiters.isEmpty() && used + bytes <= bytesMax) {
        used += bytes;
        return;
      }
      waiter = new Waiter(bytes, new CompletableFuture<>());
      waiters.add(waiter);
    } finally {
      lock.unlock();
    }
    if (waits.await(waiter.granted, timeoutNs)) {
      return;
    }
    boolean gaveUp;
    lock.lock();
    try {
      gaveUp = waiters.remove(waiter);
    } finally {
      lock.unlock();
    }
    if (gaveUp) {
      throw new Outcome(ErrorCode.TIMED_OUT, "the write-back buffer stayed full");
    }
  }

  void give(long bytes) {
    if (bytes == 0) {
      return;
    }
    List<Waiter> granted = new ArrayList<>();
    lock.lock();
    try {
      used -= bytes;
      while (!waiters.isEmpty() && used + waiters.peek().bytes <= bytesMax) {
        used += waiters.peek().bytes;
        granted.add(waiters.poll());
      }
    } finally {
      lock.unlock();
    }
    granted.forEach(waiter -> waiter.granted.complete(null));
  }

  long used() {
    lock.lock();
    try {
      return used;
    } finally {
      lock.unlock();
    }
  }
}
