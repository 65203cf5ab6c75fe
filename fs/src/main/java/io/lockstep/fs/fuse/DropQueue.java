package io.lockstep.fs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its own lock. What the kernel is to drop, for a fixed number of threads, each of which
 * may be stuck with the kernel for long. A node may always have two of them: one that is stuck, and
 * one that has been told what to spare. It gets more only as long as half of all are free, so a
 * node that the kernel never answers for leaves threads to the others.
 *
 * <p>Who waits for a drop tells again when there is no place. What nobody waits for would never be
 * told again, and what the kernel keeps be stale until the inode is used, so it always has a place:
 * it is one at most for each file that is open here.
 */
final class DropQueue {
  /** Immutable. One call for the pages of a node, and who hears that it has ended. */
  record Drop(long node, PagePlan plan, boolean awaited, List<Runnable> dropped) {
    /** Told later, it knows better what to spare. */
    Drop inPlaceOf(Drop older) {
      List<Runnable> all = new ArrayList<>(older.dropped);
      all.addAll(dropped);
      return new Drop(node, plan, awaited, List.copyOf(all));
    }
  }

  private static final int THREADS_PER_NODE = 2;

  private final int threads;
  private final int awaitedMax;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** By node, in the order in which they get a thread; at most one that is awaited for each. */
  @GuardedBy("lock")
  private final Map<Long, ArrayDeque<Drop>> waiting = new LinkedHashMap<>();

  /** How many threads a node has. */
  @GuardedBy("lock")
  private final Map<Long, Integer> busy = new HashMap<>();

  @GuardedBy("lock")
  private int awaitedCount;

  @GuardedBy("lock")
  private int busyCount;

  @GuardedBy("lock")
  private boolean closed;

  DropQueue(int threads, int awaitedMax) {
    this.threads = threads;
    this.awaitedMax = awaitedMax;
  }

  /** False if too many are awaited and this one is, or it is closed: nothing will be dropped. */
  boolean offer(Drop drop) {
    lock.lock();
    try {
      if (closed) {
        return false;
      }
      ArrayDeque<Drop> drops = waiting.get(drop.node);
      Drop older = drop.awaited && drops != null ? awaited(drops) : null;
      if (older != null) {
        drops.remove(older);
        drops.add(drop.inPlaceOf(older));
        return true;
      }
      if (drop.awaited && awaitedCount >= awaitedMax) {
        return false;
      }
      awaitedCount += drop.awaited ? 1 : 0;
      waiting.computeIfAbsent(drop.node, node -> new ArrayDeque<>()).add(drop);
      changed.signal();
      return true;
    } finally {
      lock.unlock();
    }
  }

  private static @Nullable Drop awaited(ArrayDeque<Drop> drops) {
    return drops.stream().filter(Drop::awaited).findFirst().orElse(null);
  }

  /** Waits for one whose node may have a thread, which it keeps until {@link #end}; null = over. */
  @Nullable Drop take() throws InterruptedException {
    lock.lock();
    try {
      Drop drop = next();
      while (drop == null && !closed) {
        changed.await();
        drop = next();
      }
      return drop;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #take}, without waiting. */
  @Nullable Drop poll() {
    lock.lock();
    try {
      return next();
    } finally {
      lock.unlock();
    }
  }

  /** The kernel has answered: the thread is the node's no longer. */
  void end(long node) {
    lock.lock();
    try {
      busy.merge(node, -1, Integer::sum);
      busy.remove(node, 0);
      busyCount--;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Whoever takes gets nothing any more; returns what has waited. */
  List<Drop> close() {
    lock.lock();
    try {
      closed = true;
      List<Drop> left = new ArrayList<>();
      waiting.values().forEach(left::addAll);
      waiting.clear();
      awaitedCount = 0;
      changed.signalAll();
      return left;
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private @Nullable Drop next() {
    Iterator<Map.Entry<Long, ArrayDeque<Drop>>> nodes = waiting.entrySet().iterator();
    while (nodes.hasNext()) {
      Map.Entry<Long, ArrayDeque<Drop>> entry = nodes.next();
      long node = entry.getKey();
      if (mayHaveAnother(busy.getOrDefault(node, 0))) {
        ArrayDeque<Drop> drops = entry.getValue();
        Drop drop = drops.poll();
        nodes.remove();
        if (!drops.isEmpty()) {
          // Behind the others.
          waiting.put(node, drops);
        }
        awaitedCount -= drop.awaited ? 1 : 0;
        busyCount++;
        busy.merge(node, 1, Integer::sum);
        return drop;
      }
    }
    return null;
  }

  @GuardedBy("lock")
  private boolean mayHaveAnother(int has) {
    return has < THREADS_PER_NODE || busyCount < threads / 2;
  }
}
