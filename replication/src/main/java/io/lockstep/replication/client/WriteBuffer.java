package io.lockstep.replication.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.SetAttributes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its own lock. What this mount knows of one file that others do not: bytes written but
 * not received by the members, and size and times under the exclusive lease.
 *
 * <p>Callers' threads write into it as long as it is open. Only the agent opens and closes it, and
 * closing is one step with deciding that nothing waits in it: a write is either in before, or
 * refused and asks the agent.
 *
 * <p>Queued extents never overlap each other, nor do those in flight among themselves: a queued
 * extent over one in flight waits for it, so that members see overlapping writes in order.
 */
final class WriteBuffer {
  /**
   * An accepted write.
   *
   * @param grownBytes by how much more memory is held now
   * @param requestReady a whole request can be sent: to be told the agent
   */
  record Written(long offset, int grownBytes, boolean requestReady) {}

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final TreeMap<Long, Extent> queued = new TreeMap<>();

  @GuardedBy("lock")
  private final List<Extent> inFlight = new ArrayList<>();

  @GuardedBy("lock")
  private boolean open;

  @GuardedBy("lock")
  private long lastWrite;

  @GuardedBy("lock")
  private long size;

  /** The token under which size and times here are newer than the master's. */
  @GuardedBy("lock")
  private Token token = Token.NONE;

  /** Whether the exclusive lease is held: size and times are ours. */
  @GuardedBy("lock")
  private boolean owned;

  @GuardedBy("lock")
  private final HeldTimes times = new HeldTimes();

  /** Rises with each change of size or times; what was told the master is {@link #told}. */
  @GuardedBy("lock")
  private long version;

  @GuardedBy("lock")
  private long told;

  /** Bytes were lost under this lease: the size here is not what the members have. */
  @GuardedBy("lock")
  private boolean distrusted;

  // ---- callers' threads

  /**
   * Takes all of {@code source}, or nothing and returns null if it is not open.
   *
   * @param offset -1 = at the end of the file
   */
  Written tryWrite(long offset, ByteBuffer source, long wallTimeNs) {
    lock.lock();
    try {
      return open ? put(offset, source, wallTimeNs) : null;
    } finally {
      lock.unlock();
    }
  }

  /** Reads if every byte is here; else returns -1 and leaves {@code target} as it was. */
  int tryRead(long offset, ByteBuffer target) {
    lock.lock();
    try {
      if (!open || queued.isEmpty()) {
        return -1;
      }
      long end = Math.min(size, offset + target.remaining());
      if (offset >= end) {
        return 0;
      }
      Map.Entry<Long, Extent> entry = queued.floorEntry(offset);
      if (entry == null || entry.getValue().end() < end) {
        return -1;
      }
      target.put(entry.getValue().view(offset, end));
      return (int) (end - offset);
    } finally {
      lock.unlock();
    }
  }

  /**
   * utimens while writes may wait in the buffer: the holder's, told with the size. False if it is
   * not open: whatever is set when it is open is told before the lease goes.
   */
  boolean trySetTimes(SetAttributes set, long wallTimeNs) {
    lock.lock();
    try {
      if (!open || distrusted) {
        return false;
      }
      version++;
      times.set(set, wallTimeNs, version);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The number of the newest write, for {@link #isReceived}. */
  long lastWrite() {
    lock.lock();
    try {
      return lastWrite;
    } finally {
      lock.unlock();
    }
  }

  boolean isEmpty() {
    lock.lock();
    try {
      return queued.isEmpty() && inFlight.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /**
   * What the master says with what only this mount knows. Also right after the lease is gone, for
   * an answer that the master gave before it heard of the last change.
   */
  Attributes overlay(Attributes master) {
    lock.lock();
    try {
      boolean masterIsBehind = Convert.token(master.getSizeToken()).isOlderThan(token);
      if (!owned && !masterIsBehind) {
        return master;
      }
      Attributes.Builder attributes = master.toBuilder().setSize(size);
      times.overlay(master, attributes);
      return attributes.build();
    } finally {
      lock.unlock();
    }
  }

  // ---- the agent

  /** A lease was granted: what the master knew at that instant is the truth. */
  void granted(Attributes attributes, Token newToken, boolean exclusive) {
    lock.lock();
    try {
      size = attributes.getSize();
      times.clear();
      told = version;
      distrusted = false;
      owned = exclusive;
      if (exclusive) {
        token = newToken;
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Bytes were lost: the lease ends unclean, and what the members settle on is the truth. Nothing
   * is told the master any more.
   */
  void distrust() {
    lock.lock();
    try {
      distrusted = true;
      token = Token.NONE;
    } finally {
      lock.unlock();
    }
  }

  /** Whether size and times of the last lease are not told the master any more. */
  boolean isDistrusted() {
    lock.lock();
    try {
      return distrusted;
    } finally {
      lock.unlock();
    }
  }

  /** The exclusive lease is gone. */
  void disowned() {
    lock.lock();
    try {
      owned = false;
    } finally {
      lock.unlock();
    }
  }

  void open() {
    lock.lock();
    try {
      open = true;
    } finally {
      lock.unlock();
    }
  }

  /** Refuses writes from now on; what is in it stays. */
  void close() {
    lock.lock();
    try {
      open = false;
    } finally {
      lock.unlock();
    }
  }

  /** Refuses writes from now on if nothing is in it; one step. */
  boolean closeIfEmpty() {
    lock.lock();
    try {
      if (!queued.isEmpty() || !inFlight.isEmpty()) {
        return false;
      }
      open = false;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #tryWrite}, by the agent, which knows that the lease is held. */
  Written write(long offset, ByteBuffer source, long wallTimeNs) {
    lock.lock();
    try {
      return put(offset, source, wallTimeNs);
    } finally {
      lock.unlock();
    }
  }

  /** Whether something could be sent, apart from what it overlaps in flight. */
  boolean hasRipe(long upTo) {
    lock.lock();
    try {
      for (Extent extent : queued.values()) {
        if (extent.isFull() || extent.firstWrite <= upTo) {
          return true;
        }
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The next extent to send, now in flight, or null.
   *
   * @param upTo extents that are not full are taken if they began with this write or before
   */
  Extent takeNext(long upTo) {
    lock.lock();
    try {
      for (Extent extent : queued.values()) {
        if ((extent.isFull() || extent.firstWrite <= upTo) && !overlapsInFlight(extent)) {
          queued.remove(extent.offset);
          inFlight.add(extent);
          return extent;
        }
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing waits or is in flight beside this extent. */
  boolean isAlone(Extent extent) {
    lock.lock();
    try {
      return queued.isEmpty() && inFlight.size() == 1 && inFlight.contains(extent);
    } finally {
      lock.unlock();
    }
  }

  /** The extent is with the members, or lost: its memory goes. */
  void flushed(Extent extent) {
    lock.lock();
    try {
      inFlight.remove(extent);
      extent.release();
    } finally {
      lock.unlock();
    }
  }

  /** Whether everything up to that write is with the members, or lost. */
  boolean isReceived(long write) {
    lock.lock();
    try {
      return isAfter(queued.values(), write) && isAfter(inFlight, write);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Loses what is queued and refuses writes; returns the bytes of memory that it held. What is in
   * flight ends by itself.
   */
  long drop() {
    lock.lock();
    try {
      open = false;
      long bytes = queued.values().stream().mapToLong(Extent::capacity).sum();
      queued.values().forEach(Extent::release);
      queued.clear();
      return bytes;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Appends to {@code target}, which holds the bytes from {@code offset}, what is buffered; returns
   * what is missing up to the end of the file.
   *
   * @param target array of the length of the range
   */
  Gaps overlay(long offset, byte[] target) {
    lock.lock();
    try {
      Gaps gaps = new Gaps(offset, Math.min(size, offset + target.length));
      // In flight first: what is queued is newer.
      for (Extent extent : inFlight) {
        copy(extent, offset, target, gaps);
      }
      Long first = queued.floorKey(offset);
      for (Extent extent : queued.tailMap(first == null ? offset : first, true).values()) {
        if (extent.offset >= offset + target.length) {
          break;
        }
        copy(extent, offset, target, gaps);
      }
      return gaps;
    } finally {
      lock.unlock();
    }
  }

  boolean overlaps(long offset, long end) {
    lock.lock();
    try {
      for (Extent extent : inFlight) {
        if (extent.offset < end && offset < extent.end()) {
          return true;
        }
      }
      Map.Entry<Long, Extent> before = queued.lowerEntry(end);
      return before != null && before.getValue().end() > offset;
    } finally {
      lock.unlock();
    }
  }

  /**
   * How many of the bytes from {@code offset} on the file has, if none of them is buffered; else
   * -1.
   */
  int unbuffered(long offset, int length) {
    lock.lock();
    try {
      int count = (int) Math.max(0, Math.min(length, size - offset));
      return count > 0 && overlaps(offset, offset + count) ? -1 : count;
    } finally {
      lock.unlock();
    }
  }

  long size() {
    lock.lock();
    try {
      return size;
    } finally {
      lock.unlock();
    }
  }

  /** A change went to the members beside the buffer. */
  void changed(long newSize, long wallTimeNs) {
    lock.lock();
    try {
      size = newSize;
      times.written(wallTimeNs);
      version++;
    } finally {
      lock.unlock();
    }
  }

  /** The master has set size or times itself: its values hold until the next write. */
  void setByMaster(Attributes attributes) {
    lock.lock();
    try {
      size = attributes.getSize();
      times.clear();
      told = version;
    } finally {
      lock.unlock();
    }
  }

  /** Whether an application set times of which only this mount knows. */
  boolean hasChosenTimes() {
    lock.lock();
    try {
      return times.areChosen();
    } finally {
      lock.unlock();
    }
  }

  /** Size and times for the master, or null if it knows them. */
  RefreshInodes.Update untold(long inode) {
    lock.lock();
    try {
      if (told == version || distrusted) {
        return null;
      }
      RefreshInodes.Update.Builder update =
          RefreshInodes.Update.newBuilder()
              .setInode(inode)
              .setToken(Convert.message(token))
              .setSize(size);
      times.tell(update);
      return update.build();
    } finally {
      lock.unlock();
    }
  }

  long version() {
    lock.lock();
    try {
      return version;
    } finally {
      lock.unlock();
    }
  }

  /** The master knows what was untold at that version. */
  void told(long toldVersion) {
    lock.lock();
    try {
      told = Math.max(told, toldVersion);
      times.told(told);
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private Written put(long offset, ByteBuffer source, long wallTimeNs) {
    long start = offset < 0 ? size : offset;
    long write = ++lastWrite;
    long at = start;
    int grown = 0;
    boolean full = false;
    while (source.hasRemaining()) {
      Extent extent = extentBefore(at);
      int held = extent == null ? 0 : extent.capacity();
      if (extent == null) {
        extent = new Extent(at, write, Math.min(source.remaining(), Limits.PAYLOAD_BYTES_MAX));
        queued.put(at, extent);
      }
      Long next = queued.higherKey(extent.offset);
      long room = extent.room(at);
      if (next != null) {
        room = Math.min(room, next - at);
      }
      int count = (int) Math.min(room, source.remaining());
      extent.put(at, source, count);
      grown += extent.capacity() - held;
      full |= extent.isFull();
      at += count;
    }
    if (at > start) {
      size = Math.max(size, at);
      times.written(wallTimeNs);
      version++;
    }
    return new Written(start, grown, full);
  }

  /** The queued extent that contains {@code at} or can grow there, or null. */
  @GuardedBy("lock")
  private @Nullable Extent extentBefore(long at) {
    Map.Entry<Long, Extent> before = queued.floorEntry(at);
    if (before == null) {
      return null;
    }
    Extent extent = before.getValue();
    boolean holds = at < extent.end() || (at == extent.end() && !extent.isFull());
    return holds ? extent : null;
  }

  @GuardedBy("lock")
  private boolean overlapsInFlight(Extent extent) {
    for (Extent other : inFlight) {
      if (other.offset < extent.end() && extent.offset < other.end()) {
        return true;
      }
    }
    return false;
  }

  private static boolean isAfter(Collection<Extent> extents, long write) {
    for (Extent extent : extents) {
      if (extent.firstWrite <= write) {
        return false;
      }
    }
    return true;
  }

  private static void copy(Extent extent, long offset, byte[] target, Gaps gaps) {
    long from = Math.max(offset, extent.offset);
    long to = Math.min(offset + target.length, extent.end());
    if (from < to) {
      extent.view(from, to).get(target, (int) (from - offset), (int) (to - from));
      gaps.fill(from, to);
    }
  }
}
