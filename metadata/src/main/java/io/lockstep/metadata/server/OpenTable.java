package io.lockstep.metadata.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Which inodes are open in which session: so that one without a name lives
 * on while it is open, and is collected when nobody has it open.
 *
 * <p>None of it is logged. A master that begins to lead knows nothing; each session tells what it
 * has open with a renewal, and nothing is collected before all have told or ended.
 */
final class OpenTable {
  private static final class Session {
    final Set<Long> inodes = new HashSet<>();
    boolean complete;
  }

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Session> sessions = new HashMap<>();

  @GuardedBy("lock")
  private final Map<Long, Integer> openings = new HashMap<>();

  @GuardedBy("lock")
  private final Set<Long> condemned = new HashSet<>();

  /** This master begins to lead: these sessions have yet to tell. */
  void begin(Collection<Long> ids) {
    lock.lock();
    try {
      sessions.clear();
      openings.clear();
      condemned.clear();
      ids.forEach(id -> sessions.put(id, new Session()));
    } finally {
      lock.unlock();
    }
  }

  /** A new session: it has nothing open. */
  void add(long id) {
    lock.lock();
    try {
      sessions.computeIfAbsent(id, key -> new Session()).complete = true;
    } finally {
      lock.unlock();
    }
  }

  /** A session tells all that it had open before this master began to lead. */
  void tell(long id, Collection<Long> inodes, boolean complete) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      if (session != null && !session.complete) {
        for (long inode : inodes) {
          enter(session, inode);
        }
        session.complete = complete;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether the session has told. */
  boolean isComplete(long id) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      return session == null || session.complete;
    } finally {
      lock.unlock();
    }
  }

  /** Whether every session has told. */
  boolean isComplete() {
    lock.lock();
    try {
      return sessions.values().stream().allMatch(session -> session.complete);
    } finally {
      lock.unlock();
    }
  }

  /** What came of an opening. */
  enum Opening {
    /** The session has it open since now. */
    NEW,
    /** The session had it open before. */
    AGAIN,
    /** It is being collected, or the session has ended. */
    REFUSED
  }

  Opening open(long id, long inode) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      if (session == null || condemned.contains(inode)) {
        return Opening.REFUSED;
      }
      return enter(session, inode) ? Opening.NEW : Opening.AGAIN;
    } finally {
      lock.unlock();
    }
  }

  void close(long id, Collection<Long> inodes) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      if (session != null) {
        for (long inode : inodes) {
          if (session.inodes.remove(inode)) {
            leave(inode);
          }
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** The session has ended. */
  void remove(long id) {
    lock.lock();
    try {
      Session session = sessions.remove(id);
      if (session != null) {
        for (long inode : session.inodes) {
          leave(inode);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes an inode without a name for collection: false if somebody has it open, or may have. From
   * now on nobody can open it.
   */
  boolean tryCondemn(long inode) {
    lock.lock();
    try {
      boolean told = sessions.values().stream().allMatch(session -> session.complete);
      return told && !openings.containsKey(inode) && condemned.add(inode);
    } finally {
      lock.unlock();
    }
  }

  /** It was collected, or could not be. */
  void absolve(long inode) {
    lock.lock();
    try {
      condemned.remove(inode);
    } finally {
      lock.unlock();
    }
  }

  int openCount(long id) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      return session == null ? 0 : session.inodes.size();
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private boolean enter(Session session, long inode) {
    boolean added = session.inodes.add(inode);
    if (added) {
      openings.merge(inode, 1, Integer::sum);
    }
    return added;
  }

  @GuardedBy("lock")
  private void leave(long inode) {
    openings.computeIfPresent(inode, (key, count) -> count == 1 ? null : count - 1);
  }
}
