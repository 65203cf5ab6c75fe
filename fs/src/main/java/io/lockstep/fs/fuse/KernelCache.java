package io.lockstep.fs.fuse;

import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A few threads of its own. Tells the kernel to drop the pages and attributes that it keeps of an
 * inode. The kernel may have to wait for a request of the same inode first, so no FUSE thread and
 * no agent does it; a full queue drops the pages of nobody and says so.
 */
final class KernelCache {
  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);

  /** Each may be stuck with the kernel until a request is answered. */
  private static final int THREADS = 16;

  private static final int QUEUE_MAX = 4096;
  private static final long STOP_TIMEOUT_NS = TimeUnit.SECONDS.toNanos(4);

  /** The calls into the kernel. */
  interface Invalidation {
    /** Drops the attributes of a node. */
    void attributes(long node);

    /** Drops the attributes of a node and these pages; waits for who reads or writes them. */
    void pages(long node, Range pages);

    /**
     * Makes the kernel take a file for no shorter; may then wait for who reads or writes its end.
     */
    void size(long node, long atLeast);
  }

  private record Drop(long node, PagePlan plan, Runnable dropped) {}

  /** There is no node 0. */
  private static final Drop END = new Drop(0, PagePlan.of(WaitingRequests.NONE), () -> {});

  private final BlockingQueue<Drop> queue = new ArrayBlockingQueue<>(QUEUE_MAX);
  private final Invalidation kernel;
  private final List<Thread> threads = new ArrayList<>();

  /** Calls into the kernel on threads of their own. */
  private final Set<PageProbe> probes = ConcurrentHashMap.newKeySet();

  /** Nodes that are dropped for nobody who waits; true = once more behind that. */
  private final Map<Long, Boolean> unawaited = new ConcurrentHashMap<>();

  private volatile boolean stopped;

  /**
   * Not yet running.
   *
   * @param kernel returns when it is done
   */
  KernelCache(Invalidation kernel) {
    this.kernel = kernel;
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
   * Drops what the kernel keeps of the node; nobody waits for it. One thread at most is stuck with
   * a node for that.
   */
  void drop(long node) {
    boolean first = !unawaited.merge(node, false, (before, now) -> true);
    if (first && !drop(node, WaitingRequests.NONE, () -> droppedUnawaited(node))) {
      unawaited.remove(node);
    }
  }

  private void droppedUnawaited(long node) {
    boolean again = unawaited.remove(node);
    if (again) {
      drop(node);
    }
  }

  /**
   * Drops what the kernel keeps of the node, soon.
   *
   * @param waiting whose pages stay if they are locked: nobody can read those
   * @return false if too much is waiting: nothing will be dropped
   */
  boolean drop(long node, WaitingRequests waiting, Runnable dropped) {
    Drop drop = new Drop(node, PagePlan.of(waiting), dropped);
    boolean taken = queue.offer(drop);
    if (stopped && queue.remove(drop)) {
      // The mount is gone, and its pages with it.
      dropped.run();
    }
    return taken;
  }

  /** Drops the attributes alone, at once: by any thread, for the kernel waits for nobody here. */
  void dropAttributes(long node) {
    kernel.attributes(node);
  }

  /** The kernel takes the file for no shorter when this returns. */
  void raiseSize(long node, long atLeast) {
    PageProbe probe = probe(() -> kernel.size(node, atLeast));
    try {
      probe.awaitDoneOrAsleep();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Begins the call, unless the mount is gone. */
  private PageProbe probe(Runnable call) {
    PageProbe probe =
        new PageProbe(
            me -> {
              try {
                if (!stopped) {
                  call.run();
                }
              } finally {
                probes.remove(me);
              }
            });
    probes.add(probe);
    probe.start();
    return probe;
  }

  private void loop() {
    try {
      for (Drop drop = queue.take(); drop.node != END.node; drop = queue.take()) {
        drop(drop);
        drop.dropped.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      LOG.error("kernel caches are no longer dropped", e);
    }
  }

  private void drop(Drop drop) throws InterruptedException {
    List<PageProbe> doubtful = new ArrayList<>();
    for (Range pages : drop.plan.doubtful()) {
      doubtful.add(probe(() -> kernel.pages(drop.node, pages)));
    }
    for (Range pages : drop.plan.certain()) {
      kernel.pages(drop.node, pages);
    }
    for (PageProbe probe : doubtful) {
      probe.awaitDoneOrAsleep();
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
    List<Thread> all = new ArrayList<>(threads);
    all.addAll(probes);
    long endNs = System.nanoTime() + STOP_TIMEOUT_NS;
    try {
      for (Thread thread : all) {
        thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(endNs - System.nanoTime())));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return all.stream().noneMatch(Thread::isAlive) && probes.isEmpty();
  }
}
