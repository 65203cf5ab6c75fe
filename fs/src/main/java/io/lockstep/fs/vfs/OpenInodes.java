package io.lockstep.fs.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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

    /** The master knows it, whatever becomes of OPENING: this mount has made it just then. */
    private boolean made;

    private int descriptors;
  }

  private static final long GATHER_NS = TimeUnit.MILLISECONDS.toNanos(50);

  private final Threads threads;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Entry> entries = new HashMap<>();

  @GuardedBy("lock")
  private final ArrayDeque<Long> dueInodes = new ArrayDeque<>();

  @GuardedBy("lock")
  private boolean closed;

  /** Done, and replaced, when what it is named for has happened. */
  @GuardedBy("lock")
  private CompletableFuture<Void> settled = new CompletableFuture<>();

  @GuardedBy("lock")
  private CompletableFuture<Void> due = new CompletableFuture<>();

  OpenInodes(Threads threads) {
    this.threads = threads;
  }

  /**
   * Counts one more descriptor.
   *
   * @return whether the caller has to tell the master, and then {@link #registered} or {@link
   *     #abandon}
   */
  boolean enter(long inode, long deadlineNs) throws Outcome {
    while (true) {
      CompletableFuture<Void> change;
      lock.lock();
      try {
        Entry entry = entries.get(inode);
        if (entry == null) {
          entries.put(inode, new Entry());
          return true;
        }
        if (entry.state != State.OPENING && entry.state != State.CLOSING) {
          entry.state = State.OPEN;
          entry.descriptors++;
          return false;
        }
        change = settled;
      } finally {
        lock.unlock();
      }
      if (!threads.waits().await(change, deadlineNs - threads.clock().nowNs())) {
        throw new Outcome(
            ErrorCode.TIMED_OUT, "inode " + inode + " was being opened or closed for too long");
      }
    }
  }

  /**
   * Counts one more descriptor of a file that was just made and registered in the same step. Others
   * of this mount may have found it, and opened it, before its maker heard that it is made.
   *
   * @return false if one of them has closed it again, and the master is hearing of that: nothing is
   *     counted, and it has to be registered anew
   */
  boolean enterCreated(long inode) {
    lock.lock();
    try {
      Entry entry = entries.get(inode);
      if (entry == null) {
        entry = new Entry();
        entry.state = State.OPEN;
        entries.put(inode, entry);
      }
      if (entry.state == State.CLOSING) {
        return false;
      }
      entry.made = true;
      entry.state = entry.state == State.OPENING ? State.OPENING : State.OPEN;
      entry.descriptors++;
      return true;
    } finally {
      lock.unlock();
    }
  }

  void registered(long inode) {
    CompletableFuture<Void> change;
    lock.lock();
    try {
      Entry entry = entries.get(inode);
      entry.state = State.OPEN;
      entry.descriptors++;
      change = takeSettled();
    } finally {
      lock.unlock();
    }
    change.complete(null);
  }

  /** The master was asked in vain. */
  void abandon(long inode) {
    CompletableFuture<Void> change;
    lock.lock();
    try {
      Entry entry = entries.get(inode);
      entry.state = State.OPEN;
      if (!entry.made) {
        entries.remove(inode);
      } else if (entry.descriptors == 0) {
        becomeDue(inode, entry);
      }
      change = takeSettled();
    } finally {
      lock.unlock();
    }
    change.complete(null);
  }

  /** One descriptor less. */
  void leave(long inode) {
    CompletableFuture<Void> change = null;
    lock.lock();
    try {
      Entry entry = entries.get(inode);
      Check.that(entry != null && entry.descriptors > 0, "inode %d is not open", inode);
      entry.descriptors--;
      if (entry.descriptors == 0 && entry.state != State.OPENING) {
        becomeDue(inode, entry);
        change = takeDue();
      }
    } finally {
      lock.unlock();
    }
    if (change != null) {
      change.complete(null);
    }
  }

  @GuardedBy("lock")
  private void becomeDue(long inode, Entry entry) {
    entry.state = State.DUE;
    dueInodes.add(inode);
  }

  @GuardedBy("lock")
  private CompletableFuture<Void> takeSettled() {
    CompletableFuture<Void> taken = settled;
    settled = new CompletableFuture<>();
    return taken;
  }

  @GuardedBy("lock")
  private CompletableFuture<Void> takeDue() {
    CompletableFuture<Void> taken = due;
    due = new CompletableFuture<>();
    return taken;
  }

  /**
   * Waits for inodes that the master has to hear of, then a moment for more of them, and takes up
   * to {@code max}; empty when the time is over or after {@link #close} with none left. One that is
   * opened again in that moment costs no message.
   */
  List<Long> takeDue(int max, long timeoutNs) {
    awaitDue(1, timeoutNs);
    awaitDue(max, GATHER_NS);
    lock.lock();
    try {
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

  /** Until there are so many, or for more than one: none at all. */
  private void awaitDue(int count, long timeoutNs) {
    long endNs = threads.clock().nowNs() + timeoutNs;
    for (long leftNs = timeoutNs; leftNs > 0; leftNs = endNs - threads.clock().nowNs()) {
      CompletableFuture<Void> change;
      lock.lock();
      try {
        boolean nothingToGather = count > 1 && dueInodes.isEmpty();
        if (dueInodes.size() >= count || closed || nothingToGather) {
          return;
        }
        change = due;
      } finally {
        lock.unlock();
      }
      threads.waits().await(change, leftNs);
    }
  }

  /** The master was told, or will find out by the end of the session. */
  void closed(List<Long> inodes) {
    CompletableFuture<Void> change;
    lock.lock();
    try {
      inodes.forEach(entries::remove);
      change = takeSettled();
    } finally {
      lock.unlock();
    }
    change.complete(null);
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
    CompletableFuture<Void> change;
    lock.lock();
    try {
      closed = true;
      change = takeDue();
    } finally {
      lock.unlock();
    }
    change.complete(null);
  }
}
