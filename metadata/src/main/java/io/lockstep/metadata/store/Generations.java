package io.lockstep.metadata.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.metadata.kv.KvStore;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. The generation of the state that is read and written now (I8).
 *
 * <p>A snapshot pins the generation that it was taken from: {@link #publish} puts another in its
 * place at one point, and the old one closes when its last reader is done. Nobody waits for
 * anybody.
 */
public final class Generations implements AutoCloseable {
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private RocksKvStore current;

  @GuardedBy("lock")
  private boolean closed;

  /**
   * From now on {@code next} is read; what was read before closes with its last reader. Owns {@code
   * next}.
   */
  public void publish(RocksKvStore next) {
    RocksKvStore former;
    boolean late;
    lock.lock();
    try {
      late = closed;
      former = late ? next : current;
      current = late ? current : next;
    } finally {
      lock.unlock();
    }
    if (former != null) {
      former.close();
    }
  }

  /** The state of now, pinned; null before the first and after the last generation. */
  public KvStore.Snapshot snapshot() {
    lock.lock();
    try {
      return current == null ? null : current.trySnapshot();
    } finally {
      lock.unlock();
    }
  }

  /** For the one writer. */
  public RocksKvStore writable() {
    lock.lock();
    try {
      Check.that(current != null, "no generation is open");
      return current;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    RocksKvStore last;
    lock.lock();
    try {
      closed = true;
      last = current;
      current = null;
    } finally {
      lock.unlock();
    }
    if (last != null) {
      last.close();
    }
  }
}
