package io.lockstep.fs.vfs;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;

/**
 * What is in flight and what was done: one slot for each thread that serves operations, written by
 * that thread alone and read by anybody.
 */
public final class OperationLog {
  /** The kinds of operations. */
  public enum Kind {
    LOOKUP,
    GETATTR,
    SETATTR,
    READLINK,
    MKNOD,
    MKDIR,
    UNLINK,
    RMDIR,
    SYMLINK,
    RENAME,
    LINK,
    OPEN,
    CREATE,
    READ,
    WRITE,
    FLUSH,
    RELEASE,
    FSYNC,
    OPENDIR,
    READDIR,
    RELEASEDIR,
    FSYNCDIR,
    STATFS,
    SETXATTR,
    GETXATTR,
    LISTXATTR,
    REMOVEXATTR,
    ACCESS,
    FALLOCATE,
    GETLK,
    SETLK,
    FLOCK
  }

  /**
   * One operation that has not ended.
   *
   * @param phase where it is: {@code vfs}, {@code master}, {@code content}, {@code reply}
   */
  public record InFlight(String thread, Kind kind, long inode, long ageNs, String phase) {}

  /**
   * How often a kind ended and how long all of them took together.
   *
   * @param failed how many of them ended with an error
   */
  public record Count(Kind kind, long ended, long failed, long totalNs) {}

  private static final class Tally {
    private final LongAdder ended = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder totalNs = new LongAdder();
  }

  /** Written by one thread. */
  public final class Slot {
    private final String thread;
    private volatile Kind kind;
    private volatile long inode;
    private volatile long startNs;
    private volatile String phase = "";

    private Slot(String thread) {
      this.thread = thread;
    }

    public void begin(Kind begun, long ofInode, long nowNs) {
      inode = ofInode;
      startNs = nowNs;
      phase = "vfs";
      kind = begun;
    }

    public void end(boolean ok, long nowNs) {
      Tally tally = tallies.get(kind);
      kind = null;
      tally.ended.increment();
      tally.totalNs.add(nowNs - startNs);
      if (!ok) {
        tally.failed.increment();
      }
    }
  }

  private static final ThreadLocal<Slot> CURRENT = new ThreadLocal<>();

  private final List<Slot> slots = new CopyOnWriteArrayList<>();

  /** Filled once, then only read. */
  private final Map<Kind, Tally> tallies = new EnumMap<>(Kind.class);

  public OperationLog() {
    for (Kind kind : Kind.values()) {
      tallies.put(kind, new Tally());
    }
  }

  /** A slot for the calling thread, which is known by it to {@link #phase} from now on. */
  public Slot enlist() {
    Slot slot = new Slot(Thread.currentThread().getName());
    slots.add(slot);
    CURRENT.set(slot);
    return slot;
  }

  /** The calling thread serves no more. */
  public void retire(Slot slot) {
    slots.remove(slot);
    CURRENT.remove();
  }

  /** Says where the operation of the calling thread is, if it has a slot. */
  public static void phase(String phase) {
    Slot slot = CURRENT.get();
    if (slot != null) {
      slot.phase = phase;
    }
  }

  public List<InFlight> inFlight(long nowNs) {
    List<InFlight> all = new ArrayList<>();
    for (Slot slot : slots) {
      Kind kind = slot.kind;
      if (kind != null) {
        all.add(new InFlight(slot.thread, kind, slot.inode, nowNs - slot.startNs, slot.phase));
      }
    }
    return all;
  }

  /** The kinds that happened. */
  public List<Count> counts() {
    List<Count> all = new ArrayList<>();
    tallies.forEach(
        (kind, tally) -> {
          if (tally.ended.sum() > 0) {
            all.add(new Count(kind, tally.ended.sum(), tally.failed.sum(), tally.totalNs.sum()));
          }
        });
    return all;
  }
}
