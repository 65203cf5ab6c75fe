package io.lockstep.wire.netty;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Keeps the order of the connections of each session (P11): a newer one is
 * admitted only when everything that came over older ones is finished or dropped.
 *
 * <p>The newest number of a session is remembered after its last connection is gone, so that an
 * older hello that was under way is refused. That is needed only as long as a handshake may take;
 * of sessions without a connection the {@value #IDLE_SESSIONS_MAX} last seen are kept.
 */
public class SessionLines {
  static final int IDLE_SESSIONS_MAX = 65_536;

  /** One connection; its methods are called without the lock, on any thread. */
  public interface Line {
    /** A newer one wants in: take no more requests, and say {@link #finished} when none is left. */
    void retire();

    /** All older ones are finished. */
    void admitted();
  }

  private static final class Session {
    long newest;
    Line newestLine;
    boolean waiting;
    final Set<Line> lines = new LinkedHashSet<>();
  }

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Session> sessions = new LinkedHashMap<>();

  /**
   * Lets {@code line} in at once or later, by {@link Line#admitted}. False: a connection with this
   * number or a newer one was there before.
   */
  public boolean enter(long session, long number, Line line) {
    List<Line> older;
    lock.lock();
    try {
      Session entry = sessions.remove(session);
      boolean isOld = entry != null && Long.compareUnsigned(number, entry.newest) <= 0;
      if (entry == null) {
        entry = new Session();
        dropIdle();
      }
      sessions.put(session, entry); // last in the order of being seen
      if (isOld) {
        return false;
      }
      older = waitsForOlder() ? new ArrayList<>(entry.lines) : List.of();
      entry.newest = number;
      entry.newestLine = line;
      entry.waiting = !older.isEmpty();
      entry.lines.add(line);
    } finally {
      lock.unlock();
    }
    if (older.isEmpty()) {
      line.admitted();
    } else {
      older.forEach(Line::retire);
    }
    return true;
  }

  /** P11: the single decision that a test changes. */
  protected boolean waitsForOlder() {
    return true;
  }

  /** {@code line} has no request left that is being executed and takes no more. */
  public void finished(long session, Line line) {
    Line next = null;
    lock.lock();
    try {
      Session entry = sessions.get(session);
      if (entry != null && entry.lines.remove(line)) {
        if (entry.newestLine == line) {
          entry.newestLine = null;
          entry.waiting = false;
        } else if (entry.waiting && entry.lines.size() == 1) {
          entry.waiting = false;
          next = entry.newestLine;
        }
      }
    } finally {
      lock.unlock();
    }
    if (next != null) {
      next.admitted();
    }
  }

  @GuardedBy("lock")
  private void dropIdle() {
    if (sessions.size() < IDLE_SESSIONS_MAX) {
      return;
    }
    Iterator<Session> oldestFirst = sessions.values().iterator();
    while (oldestFirst.hasNext()) {
      if (oldestFirst.next().lines.isEmpty()) {
        oldestFirst.remove();
        return;
      }
    }
  }
}
