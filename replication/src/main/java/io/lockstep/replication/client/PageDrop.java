package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import java.util.concurrent.TimeUnit;

/**
 * Confined to the replication agent. Has the kernel drop its pages of one inode, once. The kernel
 * waits for pages that are being read or written. Those whose request waits for the very lease that
 * is to go are spared; when the kernel meets one that came later, it is told again, without that
 * one. It is also told again after a while, for it may not have been told at all. An attempt that
 * is stuck ends when the request is answered, and does no harm.
 *
 * <p>Pages of a shared mapping that is being written are dirty, and the kernel drops none that it
 * has not written back, under a lease that others may write under first: more time does not help.
 */
final class PageDrop {
  /** Doubles with each attempt, so that there are few: each may keep a thread in the kernel. */
  private static final long PATIENCE_NS = TimeUnit.MILLISECONDS.toNanos(5);

  /** After this it is looked at whether more time leads anywhere. */
  private static final long FUTILE_NS = TimeUnit.SECONDS.toNanos(1);

  private static final long PATIENCE_MAX_NS = TimeUnit.MILLISECONDS.toNanos(160);
  private static final long AGAIN_NS = TimeUnit.MILLISECONDS.toNanos(250);

  private final Engine engine;
  private final long inode;
  private final CacheDropper caches;
  private final Waiters waiters;
  private final Runnable dropped;
  private final Runnable late;
  private long patienceNs = PATIENCE_NS;
  private WaitingRequests spared = WaitingRequests.NONE;
  private long beganNs;
  private long toldNs;
  private Agent.Timer deadline;
  private Agent.Timer retry;
  private boolean ended;

  /**
   * @param dropped runs when the pages are gone
   * @param late runs instead if they are not after the time that {@link #begin} gets, or cannot be
   */
  PageDrop(
      Engine engine,
      long inode,
      CacheDropper caches,
      Waiters waiters,
      Runnable dropped,
      Runnable late) {
    this.engine = engine;
    this.inode = inode;
    this.caches = caches;
    this.waiters = waiters;
    this.dropped = dropped;
    this.late = late;
  }

  void begin(long timeoutNs) {
    beganNs = engine.nowNs();
    deadline = engine.agent.schedule(timeoutNs, () -> end(late));
    attempt(waiters.snapshot());
  }

  private void attempt(WaitingRequests waiting) {
    spared = waiting;
    toldNs = engine.nowNs();
    retry = engine.agent.schedule(patienceNs, this::retry);
    patienceNs = Math.min(2 * patienceNs, PATIENCE_MAX_NS);
    WaitingRequests told = engine.lockSeam.coherence().spared(waiting);
    caches.drop(inode, told, () -> engine.onAgent(() -> end(dropped)));
  }

  private void retry() {
    if (ended) {
      return;
    }
    WaitingRequests now = waiters.snapshot();
    if (engine.nowNs() - beganNs >= FUTILE_NS && now.hasMappedPages()) {
      // What the kernel writes back waits for the next lease, page by page: a thread for each.
      end(late);
      return;
    }
    boolean again = engine.nowNs() - toldNs >= AGAIN_NS;
    if (engine.lockSeam.coherence().mustTellAgain(now.hasOthersThan(spared), again)) {
      attempt(now);
    } else {
      retry = engine.agent.schedule(PATIENCE_NS, this::retry);
    }
  }

  private void end(Runnable then) {
    if (!ended) {
      ended = true;
      deadline.cancel();
      retry.cancel();
      then.run();
    }
  }
}
