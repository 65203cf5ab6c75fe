package io.lockstep.tools.stress;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. The writes of one block that may still be read: a write is overwritten
 * when another one has ended that began after its end. One that failed may appear at any time.
 */
final class BlockHistory {
  /** Confined to the lock of its history. One write under way or done. */
  static final class Write {
    private final Stamp stamp;
    private final long began;
    private long ended = Long.MAX_VALUE;

    private Write(Stamp stamp, long began) {
      this.stamp = stamp;
      this.began = began;
    }
  }

  /** Confined to the lock of its history. A read under way: what it may return. */
  static final class Read {
    private final Set<Stamp> expected = new HashSet<>();
    private boolean overlapped;
  }

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final List<Write> writes = new ArrayList<>();

  @GuardedBy("lock")
  private final List<Read> reads = new ArrayList<>();

  @GuardedBy("lock")
  private long clock;

  BlockHistory(long block) {
    Write never = new Write(Stamp.none(block), 0);
    never.ended = 0;
    writes.add(never);
  }

  Write beginWrite(Stamp stamp) {
    lock.lock();
    try {
      clock++;
      Write write = new Write(stamp, clock);
      writes.add(write);
      for (Read read : reads) {
        read.expected.add(stamp);
        read.overlapped = true;
      }
      return write;
    } finally {
      lock.unlock();
    }
  }

  /** The write returned, without an error. */
  void endWrite(Write write) {
    lock.lock();
    try {
      clock++;
      write.ended = clock;
      writes.removeIf(other -> other.ended < write.began);
    } finally {
      lock.unlock();
    }
  }

  Read beginRead() {
    lock.lock();
    try {
      Read read = new Read();
      for (Write write : writes) {
        read.expected.add(write.stamp);
        read.overlapped |= write.ended == Long.MAX_VALUE;
      }
      reads.add(read);
      return read;
    } finally {
      lock.unlock();
    }
  }

  /**
   * What is wrong with what was read, or null. A damaged block may be one that is being written:
   * then it has to be read again.
   *
   * @param found null = damaged
   */
  String endRead(Read read, Stamp found) {
    lock.lock();
    try {
      reads.remove(read);
      if (found == null) {
        return read.overlapped ? null : "is damaged";
      }
      return read.expected.contains(found)
          ? null
          : "is " + found + ", expected one of " + read.expected;
    } finally {
      lock.unlock();
    }
  }

  void abandonRead(Read read) {
    lock.lock();
    try {
      reads.remove(read);
    } finally {
      lock.unlock();
    }
  }
}
