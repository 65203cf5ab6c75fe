package io.lockstep.fs.vfs;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Guarded by its concurrent map and its counters. Numbers for what is open, at most so many; a
 * number is never used twice, so that one that was released is told from one that lives.
 */
final class HandleTable<T> {
  private final ConcurrentHashMap<Long, T> open = new ConcurrentHashMap<>();
  private final AtomicLong last = new AtomicLong();
  private final Semaphore free;

  HandleTable(int openMax) {
    this.free = new Semaphore(openMax);
  }

  /** Takes a place, to be filled by {@link #add} or given back by {@link #cancel}. */
  void reserve() throws Outcome {
    if (!free.tryAcquire()) {
      throw new Outcome(ErrorCode.TOO_MANY_OPEN_FILES, "too many files are open on this mount");
    }
  }

  void cancel() {
    free.release();
  }

  /** Fills a reserved place; the handle is above 0. */
  long add(T opened) {
    long handle = last.incrementAndGet();
    T other = open.put(handle, opened);
    Check.that(other == null, "handle %d is in use", handle);
    return handle;
  }

  T get(long handle) throws Outcome {
    T opened = open.get(handle);
    if (opened == null) {
      throw new Outcome(ErrorCode.BAD_HANDLE, "handle " + handle + " is not open");
    }
    return opened;
  }

  /** Null if it is not open. */
  T find(long handle) {
    return open.get(handle);
  }

  T remove(long handle) throws Outcome {
    T opened = open.remove(handle);
    if (opened == null) {
      throw new Outcome(ErrorCode.BAD_HANDLE, "handle " + handle + " is not open");
    }
    free.release();
    return opened;
  }

  Collection<T> all() {
    return open.values();
  }

  List<T> removeAll() {
    List<T> removed = new ArrayList<>();
    for (Long handle : open.keySet()) {
      T opened = open.remove(handle);
      if (opened != null) {
        free.release();
        removed.add(opened);
      }
    }
    return removed;
  }
}
