package io.lockstep.replication.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. How much space is free; asked seldom, estimated in between. A reserve is
 * kept so that marks, the registry and deletes go on when the disk is full.
 */
public final class DiskSpace {
  /** Asks the disk; tests have smaller ones. */
  public interface Probe {
    long freeBytes() throws IOException;
  }

  private static final long FRESH_NS = 200_000_000L;

  private final Probe probe;
  private final long capacityBytes;
  private final long reserveBytes;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private long freeBytes;

  @GuardedBy("lock")
  private long askedAtNs;

  @GuardedBy("lock")
  private boolean asked;

  public DiskSpace(Path directory, long reserveBytes) throws IOException {
    FileStore store = Files.getFileStore(directory);
    this.probe = store::getUsableSpace;
    this.capacityBytes = store.getTotalSpace();
    this.reserveBytes = reserveBytes;
  }

  public DiskSpace(Probe probe, long capacityBytes, long reserveBytes) {
    this.probe = probe;
    this.capacityBytes = capacityBytes;
    this.reserveBytes = reserveBytes;
  }

  public long capacityBytes() {
    return capacityBytes;
  }

  /** What clients may fill. */
  public long availableBytes(long nowNs) {
    return Math.max(0, free(0, nowNs) - reserveBytes);
  }

  /** Whether {@code bytes} more may be taken: the reserve stays. */
  public boolean tryTake(long bytes, long nowNs) {
    return free(bytes, nowNs) >= reserveBytes;
  }

  /** What is free after {@code taking} more bytes. */
  private long free(long taking, long nowNs) {
    lock.lock();
    try {
      freeBytes -= taking;
      boolean near = freeBytes < 2 * reserveBytes && nowNs - askedAtNs > FRESH_NS / 20;
      if (!asked || near || nowNs - askedAtNs > FRESH_NS) {
        freeBytes = probe.freeBytes() - taking;
        askedAtNs = nowNs;
        asked = true;
      }
      return freeBytes;
    } catch (IOException e) {
      // A disk that does not answer fails the write itself, with its own reason.
      return Long.MAX_VALUE;
    } finally {
      lock.unlock();
    }
  }
}
