package io.lockstep.metadata.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.SessionRecord;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. The open sessions as the leader knows them: when each was renewed, and
 * how to push to it. Which sessions are open is the log's; this follows it.
 *
 * <p>A session lives for its life after the last renewal. All of them get a full life when this
 * master begins to lead, and when the process turns out to have stood still: renewals may have been
 * waiting.
 */
final class Sessions {
  private static final class Session {
    final long volume;
    final long set;
    long renewedNs;
    boolean ending;
    PeerIdentity.Pusher pusher = push -> false;

    Session(long volume, long set, long nowNs) {
      this.volume = volume;
      this.set = set;
      this.renewedNs = nowNs;
    }
  }

  private final long lifeNs;
  private final long stallNs;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Session> sessions = new HashMap<>();

  @GuardedBy("lock")
  private long lastCheckNs;

  Sessions(long lifeNs, long stallNs) {
    this.lifeNs = lifeNs;
    this.stallNs = stallNs;
  }

  /** This master begins to lead. */
  void begin(long nowNs) {
    lock.lock();
    try {
      sessions.clear();
      lastCheckNs = nowNs;
    } finally {
      lock.unlock();
    }
  }

  /**
   * A session is open.
   *
   * @param set where its new files go
   */
  void add(SessionRecord record, long set, long nowNs) {
    lock.lock();
    try {
      sessions.computeIfAbsent(
          record.getSession(), id -> new Session(record.getVolume(), set, nowNs));
    } finally {
      lock.unlock();
    }
  }

  void remove(long id) {
    lock.lock();
    try {
      sessions.remove(id);
    } finally {
      lock.unlock();
    }
  }

  /** False if there is no such session. */
  boolean renew(long id, PeerIdentity.Pusher pusher, long nowNs) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      if (session == null || session.ending) {
        return false;
      }
      session.renewedNs = nowNs;
      session.pusher = pusher;
      return true;
    } finally {
      lock.unlock();
    }
  }

  boolean contains(long id) {
    lock.lock();
    try {
      return sessions.containsKey(id);
    } finally {
      lock.unlock();
    }
  }

  Collection<Long> ids() {
    lock.lock();
    try {
      return List.copyOf(sessions.keySet());
    } finally {
      lock.unlock();
    }
  }

  /** The volume of a session; 0 if it is not open. */
  long volume(long id) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      return session == null ? 0 : session.volume;
    } finally {
      lock.unlock();
    }
  }

  /** Where new files of a session go; 0 if it is not open. */
  long set(long id) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      return session == null ? 0 : session.set;
    } finally {
      lock.unlock();
    }
  }

  long renewedNs(long id, long otherwise) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      return session == null ? otherwise : session.renewedNs;
    } finally {
      lock.unlock();
    }
  }

  /** Sessions whose life is over; each is named once, unless {@link #retry} is called. */
  List<Long> expired(long nowNs) {
    lock.lock();
    try {
      if (nowNs - lastCheckNs > stallNs) {
        sessions.values().forEach(session -> session.renewedNs = nowNs);
      }
      lastCheckNs = nowNs;
      List<Long> expired = new ArrayList<>();
      sessions.forEach(
          (id, session) -> {
            if (!session.ending && nowNs - session.renewedNs > lifeNs) {
              session.ending = true;
              expired.add(id);
            }
          });
      return expired;
    } finally {
      lock.unlock();
    }
  }

  /** The end of an expired session did not reach the log: it is named again. */
  void retry(long id) {
    lock.lock();
    try {
      Session session = sessions.get(id);
      if (session != null) {
        session.ending = false;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Pushes to every session of a volume. */
  void push(long volume, Push push) {
    List<PeerIdentity.Pusher> pushers = new ArrayList<>();
    lock.lock();
    try {
      sessions.values().stream()
          .filter(session -> session.volume == volume)
          .forEach(session -> pushers.add(session.pusher));
    } finally {
      lock.unlock();
    }
    pushers.forEach(pusher -> pusher.push(push));
  }
}
