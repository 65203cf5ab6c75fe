package io.lockstep.fs.fuse;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A few threads of its own. Tells the kernel to drop the pages and attributes that it keeps of an
 * inode. The kernel may have to wait for a request of the same inode first, so no FUSE thread and
 * no agent does it; a full queue drops the pages of nobody and says so.
 */
final class KernelCache {
  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);
  private static final int THREADS = 4;
  private static final long ALL_PAGES = 0;
  private static final long NO_PAGES = -1;
  private static final int QUEUE_MAX = 4096;
  private static final long STOP_TIMEOUT_MS = 1_000;

  /** The call into the kernel. */
  interface Invalidation {
    /** Drops the attributes of a node, and its pages from {@code offset} on; -1 = no pages. */
    void invalidate(long node, long offset);
  }

  private record Drop(long node, Runnable dropped) {}

  /** There is no node 0. */
  private static final Drop END = new Drop(0, () -> {});

  private final BlockingQueue<Drop> queue = new ArrayBlockingQueue<>(QUEUE_MAX);
  private final Invalidation invalidate;
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stopped;

  /**
   * Not yet running.
   *
   * @param invalidate tells the kernel about one node, and returns when it is done
   */
  KernelCache(Invalidation invalidate) {
    this.invalidate = invalidate;
    for (int i = 1; i <= THREADS; i++) {
      Thread thread = new Thread(this::loop, "fuse-invalidate-" + i);
      thread.setDaemon(true);
      threads.add(thread);
    }
  }

  void start() {
    threads.forEach(Thread::start);
  }

  /**
   * Drops what the kernel keeps of the node, soon.
   *
   * @return false if too much is waiting: nothing will be dropped
   */
  boolean drop(long node, Runnable dropped) {
    Drop drop = new Drop(node, dropped);
    boolean taken = queue.offer(drop);
    if (stopped && queue.remove(drop)) {
      // The mount is gone, and its pages with it.
      dropped.run();
    }
    return taken;
  }

  /** Drops the attributes alone, at once: by any thread, for the kernel waits for nobody here. */
  void dropAttributes(long node) {
    invalidate.invalidate(node, NO_PAGES);
  }

  private void loop() {
    try {
      for (Drop drop = queue.take(); drop.node != END.node; drop = queue.take()) {
        invalidate.invalidate(drop.node, ALL_PAGES);
        drop.dropped.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.error("kernel caches are no longer dropped", e);
    }
  }

  /** Ends the threads; false if one is still with the kernel after a while. */
  boolean stop() {
    stopped = true;
    Drop waiting = queue.poll();
    while (waiting != null) {
      waiting.dropped.run();
      waiting = queue.poll();
    }
    threads.forEach(thread -> queue.offer(END));
    try {
      for (Thread thread : threads) {
        thread.join(STOP_TIMEOUT_MS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return threads.stream().noneMatch(Thread::isAlive);
  }
}
