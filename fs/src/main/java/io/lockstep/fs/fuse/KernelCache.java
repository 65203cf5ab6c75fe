package io.lockstep.fs.fuse;

import io.lockstep.fs.fuse.DropQueue.Drop;
import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.eagerlock.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A few threads of its own. Tells the kernel to drop the pages and attributes that it keeps of an
 * inode. The kernel may have to wait for a request of the same inode first, so no FUSE thread and
 * no agent does it. What there is no place or no thread for is not dropped, and nobody is told that
 * it were: who waits for it tells again. There is always a place for what nobody waits for.
 */
final class KernelCache {
  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);

  /** Each may be stuck with the kernel until a request is answered. */
  static final int THREADS = 32;

  /** As many as the kernel writes pages back at once. */
  static final int PROBES_MAX = 64;

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

  private final DropQueue queue = new DropQueue(THREADS, QUEUE_MAX);
  private final Invalidation kernel;
  private final Consumer<Thread> starter;
  private final List<Thread> threads = new ArrayList<>();

  /** Calls into the kernel on threads of their own. */
  private final Set<PageProbe> probes = ConcurrentHashMap.newKeySet();

  private final Semaphore probesFree = new Semaphore(PROBES_MAX);
  private final AtomicLong skipped = new AtomicLong();

  /** Nodes that are dropped for nobody who waits; true = once more behind that. */
  private final Map<Long, Boolean> unawaited = new ConcurrentHashMap<>();

  private volatile boolean stopped;

  /**
   * Not yet running.
   *
   * @param kernel returns when it is done
   */
  KernelCache(Invalidation kernel) {
    this(kernel, Thread::start);
  }

  /**
   * @param starter starts the threads of probes; tests have none
   */
  KernelCache(Invalidation kernel, Consumer<Thread> starter) {
    this.kernel = kernel;
    this.starter = starter;
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
    if (first) {
      PagePlan all = PagePlan.of(WaitingRequests.NONE);
      offer(new Drop(node, all, false, List.of(() -> droppedUnawaited(node))));
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
   * @param dropped runs when it is done; not at all if there was no thread for a part of it
   * @return false if too much is waiting: nothing will be dropped
   */
  boolean drop(long node, WaitingRequests waiting, Runnable dropped) {
    return offer(new Drop(node, PagePlan.of(waiting), true, List.of(dropped)));
  }

  private boolean offer(Drop drop) {
    boolean taken = queue.offer(drop);
    if (!taken && stopped) {
      // The mount is gone, and its pages with it.
      drop.dropped().forEach(Runnable::run);
      return true;
    }
    if (!taken) {
      skip("the kernel is told later to drop pages: too much waits");
    }
    return taken;
  }

  /** Drops the attributes alone, at once: by any thread, for the kernel waits for nobody here. */
  void dropAttributes(long node) {
    kernel.attributes(node);
  }

  /** The kernel takes the file for no shorter when this returns true. */
  boolean raiseSize(long node, long atLeast) {
    PageProbe probe = tryProbe(() -> kernel.size(node, atLeast));
    if (probe == null) {
      return false;
    }
    try {
      probe.awaitDoneOrAsleep();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return true;
  }

  /** How often the kernel was not told something for want of a place or a thread. */
  long skipped() {
    return skipped.get();
  }

  /** Begins the call, unless the mount is gone; null if there are too many, or no threads. */
  private @Nullable PageProbe tryProbe(Runnable call) {
    if (!probesFree.tryAcquire()) {
      skip("the kernel is not asked for a page: too many such calls");
      return null;
    }
    PageProbe probe =
        new PageProbe(
            me -> {
              try {
                if (!stopped) {
                  call.run();
                }
              } finally {
                ended(me);
              }
            });
    probes.add(probe);
    try {
      starter.accept(probe);
      return probe;
    } catch (OutOfMemoryError e) {
      // No thread can be made just now; there is memory enough.
      ended(probe);
      skip("the kernel is not asked for a page: " + e.getMessage());
      return null;
    }
  }

  private void ended(PageProbe probe) {
    probes.remove(probe);
    probesFree.release();
  }

  /** Counts it, and says so the first time, the second, the fourth and so on. */
  private void skip(String what) {
    long count = skipped.incrementAndGet();
    if (Long.bitCount(count) == 1) {
      LOG.warn("{} ({} so far)", what, count);
    }
  }

  private void loop() {
    try {
      for (Drop drop = queue.take(); drop != null; drop = queue.take()) {
        serve(drop);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whatever becomes of this one, the thread goes on to others. */
  private void serve(Drop drop) throws InterruptedException {
    boolean dropped = false;
    try {
      dropped = drop(drop);
    } catch (RuntimeException e) {
      LOG.error("the kernel keeps its pages of node {}", drop.node(), e);
    } finally {
      queue.end(drop.node());
    }
    if (dropped || !drop.awaited()) {
      drop.dropped().forEach(Runnable::run);
    }
  }

  /** False if a part of it was not done. */
  private boolean drop(Drop drop) throws InterruptedException {
    List<PageProbe> doubtful = new ArrayList<>();
    boolean all = true;
    for (Range pages : drop.plan().doubtful()) {
      PageProbe probe = tryProbe(() -> kernel.pages(drop.node(), pages));
      if (probe == null) {
        all = false;
      } else {
        doubtful.add(probe);
      }
    }
    for (Range pages : drop.plan().certain()) {
      kernel.pages(drop.node(), pages);
    }
    for (PageProbe probe : doubtful) {
      probe.awaitDoneOrAsleep();
    }
    return all;
  }

  /** Ends the threads; false if one is still with the kernel after a while. */
  boolean stop() {
    stopped = true;
    queue.close().forEach(drop -> drop.dropped().forEach(Runnable::run));
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
