package io.lockstep.replication.client;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the replication agent, but for {@link #countUse}. The kernel's pages of one inode:
 * whether there may be some, and that they go before the lease does (P12).
 */
final class KernelPages {
  private static final Logger LOG = LoggerFactory.getLogger(KernelPages.class);
  private static final long FIRST_NS = TimeUnit.SECONDS.toNanos(1);

  private final Engine engine;
  private final long inode;
  private final CacheDropper caches;
  private final Waiters waiters;

  /** Not empty = a first drop is under way. */
  private final List<Runnable> afterFirst = new ArrayList<>();

  /** How many others are. */
  private int lastDrops;

  /** Reads and writes of callers so far, counted before they begin: each may leave pages. */
  private final AtomicLong uses = new AtomicLong();

  /** The uses before the kernel was told to drop its pages, the last time that it has done so. */
  private long usesDropped;

  KernelPages(Engine engine, long inode, CacheDropper caches, Waiters waiters) {
    this.engine = engine;
    this.inode = inode;
    this.caches = caches;
    this.waiters = waiters;
  }

  /** By any thread. */
  void countUse() {
    uses.incrementAndGet();
  }

  /** Whether some have to be dropped before the lease goes. */
  boolean mayBeThere() {
    return engine.lockSeam.coherence().mustDropAgain(usesDropped, uses.get());
  }

  /**
   * On the way to a release, while whoever reads or writes joins. If that takes the kernel too
   * long, the pages go with the release: what they wait for now has ended then, or is spared. Who
   * comes while one is under way, like a recall that is repeated, waits for that one, and for none
   * while the release itself does.
   */
  void dropFirst(Runnable then) {
    if (lastDrops > 0) {
      then.run();
      return;
    }
    afterFirst.add(then);
    if (afterFirst.size() == 1) {
      drop(
          FIRST_NS,
          this::endFirst,
          () -> {
            engine.counters.add(Counters.Phase.SLOW_DROPS);
            endFirst();
          });
    }
  }

  private void endFirst() {
    List<Runnable> all = List.copyOf(afterFirst);
    afterFirst.clear();
    all.forEach(Runnable::run);
  }

  /**
   * Nothing goes before the pages, but after a while: applications that write into shared mappings
   * can keep them for ever, and all others would wait.
   */
  void drop(Runnable then) {
    lastDrops++;
    Runnable done =
        () -> {
          lastDrops--;
          then.run();
        };
    drop(
        engine.lockSeam.coherence().keepsLeaseNs(engine.times),
        done,
        () -> {
          engine.counters.add(Counters.Phase.LATE_DROPS);
          LOG.warn("the kernel still keeps pages of inode {} that others may write now", inode);
          done.run();
        });
  }

  private void drop(long timeoutNs, Runnable dropped, Runnable late) {
    long before = uses.get();
    noteDropped(before, false);
    Runnable done =
        () -> {
          noteDropped(before, true);
          dropped.run();
        };
    new PageDrop(engine, inode, caches, waiters, done, late).begin(timeoutNs);
  }

  private void noteDropped(long usesBefore, boolean done) {
    if (engine.lockSeam.coherence().counts(done)) {
      usesDropped = Math.max(usesDropped, usesBefore);
    }
  }
}
