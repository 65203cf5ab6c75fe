package io.lockstep.fs.fuse;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Its own thread. Tells the kernel to drop the pages and attributes that it keeps of an inode. The
 * kernel may have to wait for a request of the same inode first, so no FUSE thread and no agent
 * does it; a full queue drops the pages of nobody and says so.
 */
final class KernelCache {
  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);
  private static final int QUEUE_MAX = 4096;
  private static final long STOP_TIMEOUT_MS = 1_000;

  private record Drop(long node, Runnable dropped) {}

  /** There is no node 0. */
  private static final Drop END = new Drop(0, () -> {});

  private final BlockingQueue<Drop> queue = new ArrayBlockingQueue<>(QUEUE_MAX);
  private final LongConsumer invalidate;
  private final Thread thread = new Thread(this::loop, "fuse-invalidate");

  /**
   * Not yet running.
   *
   * @param invalidate tells the kernel about one node, and returns when it is done
   */
  KernelCache(LongConsumer invalidate) {
    this.invalidate = invalidate;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /**
   * Drops what the kernel keeps of the node, soon.
   *
   * @return false if too much is waiting: nothing will be dropped
   */
  boolean drop(long node, Runnable dropped) {
    return queue.offer(new Drop(node, dropped));
  }

  private void loop() {
    try {
      for (Drop drop = queue.take(); drop.node != END.node; drop = queue.take()) {
        invalidate.accept(drop.node);
        drop.dropped.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.error("kernel caches are no longer dropped", e);
    }
  }

  /** Ends the thread; false if it is still with the kernel after a while. */
  boolean stop() {
    queue.clear();
    if (!queue.offer(END)) {
      thread.interrupt();
    }
    try {
      thread.join(STOP_TIMEOUT_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return !thread.isAlive();
  }
}
