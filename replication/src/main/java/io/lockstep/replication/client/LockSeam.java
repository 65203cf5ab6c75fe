package io.lockstep.replication.client;

import io.lockstep.core.Outcome;
import io.lockstep.replication.eagerlock.EagerLock;
import io.lockstep.replication.eagerlock.EagerLockRules;
import io.lockstep.replication.eagerlock.Effect;
import java.util.List;
import java.util.function.Function;

/**
 * Any thread may ask it. Where a reproduction or a test sees the eager locks of a client, and
 * changes their decisions. Production has one: the methods as they stand here.
 */
public interface LockSeam {
  LockSeam PRODUCTION = new LockSeam() {};

  /** Events for the lock of one inode. */
  interface Events {
    /** Returns when the agent has executed what the event led to. */
    void run(Function<EagerLock, List<Effect>> event) throws Outcome;
  }

  default EagerLockRules rules() {
    return EagerLockRules.PRODUCTION;
  }

  default CoherenceRules coherence() {
    return CoherenceRules.PRODUCTION;
  }

  /** On the agent, after each event: a broken invariant stops the process (I11). */
  default void afterEvent(long inode, EagerLock lock) {
    lock.checkInvariant();
  }

  /**
   * On the caller's thread, after what a descriptor wrote was received by the members, and before
   * its flush returns. Nothing: marks are cleared on a schedule.
   */
  default void onFlush(long inode, Events events) throws Outcome {}
}
