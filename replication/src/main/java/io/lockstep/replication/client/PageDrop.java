package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the replication agent. Has the kernel drop its pages of one inode, once. The kernel
 * waits for pages that are being read or written. Those whose request waits for the very lease that
 * is to go are spared; when the kernel meets one that came later, it is told again, without that
 * one. An attempt that is stuck ends when the request is answered, and does no harm.
 */
final class PageDrop {
  private static final Logger LOG = LoggerFactory.getLogger(PageDrop.class);
  private static final long DEADLINE_NS = TimeUnit.SECONDS.toNanos(1);

  /** Doubles with each attempt, so that there are few: each may keep a thread in the kernel. */
  private static final long PATIENCE_NS = TimeUnit.MILLISECONDS.toNanos(5);

  private final Engine engine;
  private final long inode;
  private final CacheDropper caches;
  private final Waiters waiters;
  private final Runnable then;
  private long patienceNs = PATIENCE_NS;
  private WaitingRequests spared = WaitingRequests.NONE;
  private Agent.Timer deadline;
  private Agent.Timer retry;
  private boolean ended;

  /**
   * @param then runs when the pages are gone, or after a deadline
   */
  PageDrop(Engine engine, long inode, CacheDropper caches, Waiters waiters, Runnable then) {
    this.engine = engine;
    this.inode = inode;
    this.caches = caches;
    this.waiters = waiters;
    this.then = then;
  }

  void begin() {
    deadline = engine.agent.schedule(DEADLINE_NS, this::late);
    attempt(waiters.snapshot());
  }

  private void attempt(WaitingRequests waiting) {
    spared = waiting;
    retry = engine.agent.schedule(patienceNs, this::retry);
    patienceNs *= 2;
    WaitingRequests told = engine.lockSeam.coherence().spared(waiting);
    caches.drop(inode, told, () -> engine.onAgent(this::end));
  }

  private void retry() {
    if (ended) {
      return;
    }
    WaitingRequests now = waiters.snapshot();
    if (engine.lockSeam.coherence().mustTellAgain(now.hasOthersThan(spared))) {
      attempt(now);
    } else {
      retry = engine.agent.schedule(PATIENCE_NS, this::retry);
    }
  }

  private void late() {
    if (!ended) {
      engine.counters.add(Counters.Phase.LATE_DROPS);
      LOG.warn("the kernel still keeps pages of inode {} that others may write now", inode);
      end();
    }
  }

  private void end() {
    if (!ended) {
      ended = true;
      deadline.cancel();
      retry.cancel();
      then.run();
    }
  }
}
