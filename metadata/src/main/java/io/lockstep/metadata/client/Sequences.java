package io.lockstep.metadata.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.TreeSet;

/**
 * Guarded by its own lock. Numbers the mutations of one session (P11): what the master must
 * remember answers of lies between the low-water mark and the newest number, a bounded window.
 */
class Sequences {
  private final int windowMax;
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final TreeSet<Long> open = new TreeSet<>();

  @GuardedBy("lock")
  private long last;

  Sequences(int windowMax) {
    this.windowMax = windowMax;
  }

  /** The next number, or 0 if the oldest open one is too far behind: BUSY. */
  long tryOpen() {
    synchronized (lock) {
      if (!open.isEmpty() && last - open.first() >= windowMax) {
        return 0;
      }
      last++;
      open.add(last);
      return last;
    }
  }

  /** Answered, or given up: in both cases it must not be executed any more. */
  void close(long sequence) {
    synchronized (lock) {
      open.remove(sequence);
    }
  }

  /** Every number below this is closed. */
  long lowWater() {
    synchronized (lock) {
      return open.isEmpty() ? last + 1 : open.first();
    }
  }
}
