package io.lockstep.fs.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. Files that were seen without setuid and setgid, the last of them; what
 * this mount gives either to is forgotten. A mode that another mount sets in between is not seen,
 * as a kernel that keeps modes does not see it.
 */
final class Unprivileged {
  private static final int KEPT_MAX = 4096;

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Boolean> inodes =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Boolean> eldest) {
          return size() > KEPT_MAX;
        }
      };

  @GuardedBy("lock")
  private long forgotten;

  /** To be taken before the mode is looked at, for {@link #add}. */
  long mark() {
    lock.lock();
    try {
      return forgotten;
    } finally {
      lock.unlock();
    }
  }

  boolean contains(long inode) {
    lock.lock();
    try {
      return inodes.get(inode) != null;
    } finally {
      lock.unlock();
    }
  }

  /** Does nothing if a mode was set since the mark was taken. */
  void add(long inode, long mark) {
    lock.lock();
    try {
      if (forgotten == mark) {
        inodes.put(inode, true);
      }
    } finally {
      lock.unlock();
    }
  }

  void forget(long inode) {
    lock.lock();
    try {
      forgotten++;
      inodes.remove(inode);
    } finally {
      lock.unlock();
    }
  }
}
