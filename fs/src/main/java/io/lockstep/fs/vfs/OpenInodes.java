package io.lockstep.fs.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Which inodes this mount has open, so that the master hears of the first
 * and of the last descriptor of each and an open file lives on without a name.
 *
 * <pre>
 *            enter            registered           leave, last one          takeDue        closed
 *   (absent) -----> OPENING ------------> OPEN -------------------> DUE --------------> CLOSING ----> (absent)
 *                      | abandon           ^          enter          |
 *                      +--> (absent)       +------------------------+
 * </pre>
 *
 * While an inode is OPENING or CLOSING a message about it is under way whose order with another one
 * nobody knows, so whoever enters waits until it is answered.
 */
final class OpenInodes {
  private enum State {
    /** Its first descriptor is asking the master. */
    OPENING,
    /** The master knows it. */
    OPEN,
    /** The last descriptor is gone; the master still believes it open. */
    DUE,
    /** The master is being told. */
    CLOSING
  }

  private static final class Entry {
    private State state = State.OPENING;
    private int descriptors;
  }

  private static final long GATHER_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private final Clock clock;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition settled = lock.newCondition();
  private final Condition due = lock.newCondition();

  @GuardedBy("lock")
  private final Map<Long, Entry> entries = new HashMap<>();

  @GuardedBy("lock")
  private final ArrayDeque<Long> dueInodes = new ArrayDeque<>();

  @GuardedBy("lock")
  private boolean closed;

  OpenInodes(Clock clock) {
    this.clock = clock;
  }

  /**
   * Counts one more descriptor.
   *
   * @return whether the caller has to tell the master, and then {@link #registered} or {@link
   *     #abandon}
   */
  boolean enter(long inode, long deadlineNs) throws Outcome {
    lock.lock();
    try {
      Entry entry = awaitSettled(inode, deadlineNs);
      if (entry == null) {
        entries.put(inode, new Entry());
        return true;
      }
      entry.state = State.OPEN;
      entry.descriptors++;
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** A file that was just made and registered in the same step: nobody can have it open yet. */
  void enterCreated(long inode) {
    lock.lock();
    try {
      Entry entry = new Entry();
      entry.state = State.OPEN;
      entry.descriptors = 1;
      Entry other = entries.put(inode, entry);
      Check.that(other == null, "inode %d was open before it was made", inode);
    } finally {
      lock.unlock();
    }
  }

  void registered(long inode) {
    lock.lock();
    try {
      Entry entry = entries.get(inode);
      entry.state = State.OPEN;
      entry.descriptors = 1;
      settled.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void abandon(long inode) {
    lock.lock();
    try {
      entries.remove(inode);
      settled.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** One descriptor less. */
  void leave(long inode) {
    lock.lock();
    try {
      Entry entry = entries.get(inode);
      Check.that(entry != null && entry.descriptors > 0, "inode %d is not open", inode);
      entry.descriptors--;
      if (entry.descriptors == 0) {
        entry.state = State.DUE;
        dueInodes.add(inode);
        due.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for inodes that the master has to hear of, then a moment for more of them, and takes up
   * to {@code max}; empty when the time is over or after {@link #close} with none left. One that is
   * opened again in that moment costs no message.
   */
  List<Long> takeDue(int max, long timeoutNs) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long leftNs = timeoutNs;
      while (dueInodes.isEmpty() && !closed && leftNs > 0) {
        leftNs = due.awaitNanos(leftNs);
      }
      long gatherNs = dueInodes.isEmpty() ? 0 : GATHER_NS;
      while (dueInodes.size() < max && !closed && gatherNs > 0) {
        gatherNs = due.awaitNanos(gatherNs);
      }
      List<Long> taken = new ArrayList<>();
      while (!dueInodes.isEmpty() && taken.size() < max) {
        long inode = dueInodes.poll();
        Entry entry = entries.get(inode);
        if (entry != null && entry.state == State.DUE) {
          entry.state = State.CLOSING;
          taken.add(inode);
        }
      }
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /** The master was told, or will find out by the end of the session. */
  void closed(List<Long> inodes) {
    lock.lock();
    try {
      inodes.forEach(entries::remove);
      settled.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** What the master believes to be open: what a new leader is told. */
  List<Long> all() {
    lock.lock();
    try {
      return List.copyOf(entries.keySet());
    } finally {
      lock.unlock();
    }
  }

  boolean isClosed() {
    lock.lock();
    try {
      return closed && dueInodes.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed = true;
      due.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private Entry awaitSettled(long inode, long deadlineNs) throws Outcome {
    try {
      Entry entry = entries.get(inode);
      while (entry != null && (entry.state == State.OPENING || entry.state == State.CLOSING)) {
        long leftNs = deadlineNs - clock.nowNs();
        if (leftNs <= 0) {
          throw new Outcome(
              ErrorCode.TIMED_OUT, "inode " + inode + " stayed " + entry.state + " too long");
        }
        settled.awaitNanos(Math.min(leftNs, TimeUnit.SECONDS.toNanos(1)));
        entry = entries.get(inode);
      }
      return entry;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Outcome(ErrorCode.CLOSING, "interrupted");
    }
  }
}
