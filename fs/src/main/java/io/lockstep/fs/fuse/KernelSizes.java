package io.lockstep.fs.fuse;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Clock;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. What the kernel takes for the size of files, as far as that is known.
 *
 * <p>A read behind that size makes the kernel ask for attributes, and it ends the read if the
 * answer has no more. But the kernel takes no size from an answer while a write of this mount that
 * makes the file longer is under way, nor if another answer about the file came in between: then
 * bytes that another mount has written would not be found. So a size that may be ignored is told in
 * another way before ({@link KernelCache#raiseSize}).
 */
final class KernelSizes {
  /** So long a request that was sent before something changed may wait for a thread of ours. */
  private static final long RECENT_NS = TimeUnit.SECONDS.toNanos(1);

  private static final int FILES_MAX = 4096;
  private static final long UNKNOWN = -1;

  private static final class File {
    /** It is not shorter for the kernel. */
    private long least;

    private long told = UNKNOWN;
    private int writes;
    private boolean changed;
    private long changedNs;

    void changed(long nowNs) {
      changed = true;
      changedNs = nowNs;
    }

    boolean hasChangedSince(long sinceNs) {
      return changed && changedNs - sinceNs > 0;
    }
  }

  private final Clock clock;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, File> files = new HashMap<>();

  KernelSizes(Clock clock) {
    this.clock = clock;
  }

  /** A write of the kernel is under way. */
  void writeBegins(long node) {
    lock.lock();
    try {
      file(node).writes++;
    } finally {
      lock.unlock();
    }
  }

  /**
   * And has been answered.
   *
   * @param end of what was written; 0 if it failed, or somewhere else
   */
  void writeEnded(long node, long end) {
    lock.lock();
    try {
      File file = file(node);
      file.writes--;
      file.least = Math.max(file.least, end);
      file.changed(clock.nowNs());
    } finally {
      lock.unlock();
    }
  }

  /** The kernel hears of a size, and may take it or not. */
  void told(long node, long size) {
    lock.lock();
    try {
      File file = files.get(node);
      if (file != null) {
        if (file.told != UNKNOWN && file.told != size) {
          file.changed(clock.nowNs());
        }
        file.told = size;
        file.least = Math.min(file.least, size);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether the kernel may ignore this size, and takes the file for shorter.
   *
   * @param askedNs when its question came: what has changed since then makes it ignore the answer
   */
  boolean mayIgnore(long node, long size, long askedNs) {
    lock.lock();
    try {
      File file = file(node);
      boolean changes = file.writes > 0 || file.hasChangedSince(askedNs - RECENT_NS);
      return changes && size > file.least;
    } finally {
      lock.unlock();
    }
  }

  /** The kernel does not take the file for shorter now. */
  void raised(long node, long size) {
    lock.lock();
    try {
      File file = file(node);
      file.least = Math.max(file.least, size);
    } finally {
      lock.unlock();
    }
  }

  int count() {
    lock.lock();
    try {
      return files.size();
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private File file(long node) {
    File file = files.get(node);
    if (file == null) {
      if (files.size() >= FILES_MAX) {
        long sinceNs = clock.nowNs() - RECENT_NS;
        files.values().removeIf(f -> f.writes == 0 && !f.hasChangedSince(sinceNs));
      }
      file = new File();
      files.put(node, file);
    }
    return file;
  }
}
