package io.lockstep.replication.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Who waits for a lease of one inode on behalf of a caller, and for which
 * bytes: from before the agent hears of it until it begins under a lease, or fails.
 */
final class Waiters {
  private record Waiter(Range range, boolean write) {}

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final IdentityHashMap<Object, Waiter> waiters = new IdentityHashMap<>();

  void addRead(Object who, Range range) {
    add(who, new Waiter(range, false));
  }

  void addWrite(Object who, Range range) {
    add(who, new Waiter(range, true));
  }

  private void add(Object who, Waiter waiter) {
    lock.lock();
    try {
      waiters.put(who, waiter);
    } finally {
      lock.unlock();
    }
  }

  /** False if it does not wait. */
  boolean remove(Object who) {
    lock.lock();
    try {
      return waiters.remove(who) != null;
    } finally {
      lock.unlock();
    }
  }

  WaitingRequests snapshot() {
    List<Range> reads = new ArrayList<>();
    List<Range> writes = new ArrayList<>();
    lock.lock();
    try {
      for (Waiter waiter : waiters.values()) {
        (waiter.write ? writes : reads).add(waiter.range);
      }
    } finally {
      lock.unlock();
    }
    return new WaitingRequests(reads, writes);
  }
}
