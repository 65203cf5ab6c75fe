package io.lockstep.fs.fuse;

import com.kenai.jffi.MemoryIO;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.Locks;
import io.lockstep.fs.vfs.OperationLog.Kind;
import io.lockstep.lockd.client.LockOperation;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LockAction;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Guarded by the concurrent map of its requests, and each request by its own monitor. Kernel
 * requests for locks. They are answered later, by whoever hears of the answer: a lock may be waited
 * for without end, and no FUSE thread waits with it (P12).
 *
 * <p>A request is libfuse's memory until it is answered, so its interrupt function is set before
 * anything can answer it, and finds it by a number that is used once.
 */
final class LockOperations {
  private static final MemoryIO MEMORY = MemoryIO.getInstance();

  // struct flock
  private static final int TYPE = 0;
  private static final int WHENCE = 2;
  private static final int START = 8;
  private static final int LENGTH = 16;
  private static final int PID = 24;
  private static final int FLOCK_BYTES = 32;

  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;

  // flock(2)
  private static final int LOCK_SH = 1;
  private static final int LOCK_EX = 2;
  private static final int LOCK_NB = 4;
  private static final int LOCK_UN = 8;

  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(5);

  /** A request that the kernel waits for. */
  private static final class Pending {
    LockOperation operation;
    boolean interrupted;
  }

  private final FuseLibrary fuse;
  private final FuseOperations operations;
  private final Locks locks;
  private final ConcurrentHashMap<Long, Pending> pending = new ConcurrentHashMap<>();
  private final AtomicLong lastNumber = new AtomicLong();
  private final AtomicLong unanswered = new AtomicLong();
  private final Callbacks.With2 onInterrupt = this::interrupt;
  private final Pointer interruptFunction =
      Runtime.getSystemRuntime()
          .getClosureManager()
          .getClosurePointer(Callbacks.With2.class, onInterrupt);

  LockOperations(FuseLibrary fuse, FuseOperations operations, Locks locks) {
    this.fuse = fuse;
    this.operations = operations;
    this.locks = locks;
  }

  // ---- requests

  void setlk(long request, long node, long fileInfo, long lock, int sleep) {
    operations.serve(
        Kind.SETLK,
        request,
        node,
        t -> {
          LockAction action = action(MEMORY.getShort(lock + TYPE));
          set(t, request, FuseRequest.handle(fileInfo), spec(node, fileInfo, lock), action, sleep);
        });
  }

  void flock(long request, long node, long fileInfo, int operation) {
    operations.serve(
        Kind.FLOCK,
        request,
        node,
        t -> {
          long owner = FuseRequest.lockOwner(fileInfo);
          LockSpec spec =
              new LockSpec(
                  operations.inode(node), true, owner, 0, Long.MAX_VALUE, t.memory().pid());
          LockAction action =
              switch (operation & ~LOCK_NB) {
                case LOCK_SH -> LockAction.LOCK_READ;
                case LOCK_EX -> LockAction.LOCK_WRITE;
                case LOCK_UN -> LockAction.UNLOCK;
                default ->
                    throw new Outcome(ErrorCode.INVALID_ARGUMENT, "flock operation " + operation);
              };
          int sleep = (operation & LOCK_NB) == 0 ? 1 : 0;
          set(t, request, FuseRequest.handle(fileInfo), spec, action, sleep);
        });
  }

  private void set(
      FuseThread t, long request, long handle, LockSpec spec, LockAction action, int sleep)
      throws Outcome {
    long number = lastNumber.incrementAndGet();
    Pending entry = new Pending();
    pending.put(number, entry);
    unanswered.incrementAndGet();
    // From here on it is answered once, by whoever comes to it.
    t.replied(0);
    fuse.fuse_req_interrupt_func(request, interruptFunction, number);
    boolean blocking = sleep != 0 && action != LockAction.UNLOCK;
    LockOperation operation = null;
    try {
      operation = locks.set(handle, spec, action, blocking, code -> answer(request, number, code));
    } finally {
      if (operation == null) {
        // Its locks were lost, or we have a bug; in any case the kernel waits.
        answer(request, number, ErrorCode.IO_ERROR);
      }
    }
    synchronized (entry) {
      entry.operation = operation;
      if (entry.interrupted) {
        locks.interrupt(operation);
      }
    }
  }

  /** On any thread. */
  private void answer(long request, long number, ErrorCode code) {
    pending.remove(number);
    fuse.fuse_reply_err(request, FuseOperations.errno(code));
    unanswered.decrementAndGet();
  }

  /**
   * Called by libfuse on the thread that took the interrupt; the request may be answered already.
   */
  private void interrupt(long request, long number) {
    Pending entry = pending.get(number);
    if (entry == null) {
      return;
    }
    synchronized (entry) {
      entry.interrupted = true;
      if (entry.operation != null) {
        locks.interrupt(entry.operation);
      }
    }
  }

  void getlk(long request, long node, long fileInfo, long lock) {
    operations.serve(
        Kind.GETLK,
        request,
        node,
        t -> {
          LockAction action = action(MEMORY.getShort(lock + TYPE));
          LockSpec spec = spec(node, fileInfo, lock);
          unanswered.incrementAndGet();
          t.replied(0);
          locks.test(
              spec,
              action,
              (code, found) -> {
                if (code.isOk()) {
                  answerTest(request, found);
                } else {
                  fuse.fuse_reply_err(request, FuseOperations.errno(code));
                }
                unanswered.decrementAndGet();
              });
        });
  }

  private void answerTest(long request, FileLockRow found) {
    Pointer lock = Runtime.getSystemRuntime().getMemoryManager().allocateDirect(FLOCK_BYTES, true);
    if (found == null) {
      lock.putShort(TYPE, F_UNLCK);
    } else {
      boolean toEnd = found.getEnd() == Long.MAX_VALUE;
      lock.putShort(TYPE, found.getWrite() ? F_WRLCK : F_RDLCK);
      lock.putShort(WHENCE, (short) 0);
      lock.putLong(START, found.getStart());
      lock.putLong(LENGTH, toEnd ? 0 : found.getEnd() - found.getStart());
      lock.putInt(PID, found.getPid());
    }
    fuse.fuse_reply_lock(request, lock.address());
  }

  private LockSpec spec(long node, long fileInfo, long lock) throws Outcome {
    long start = MEMORY.getLong(lock + START);
    long length = MEMORY.getLong(lock + LENGTH);
    long end = length == 0 ? Long.MAX_VALUE : start + length;
    if (start < 0 || end <= start) {
      throw new Outcome(ErrorCode.INVALID_ARGUMENT, "lock of " + length + " bytes at " + start);
    }
    int pid = MEMORY.getInt(lock + PID);
    long owner = FuseRequest.lockOwner(fileInfo);
    return new LockSpec(operations.inode(node), false, owner, start, end, pid);
  }

  private static LockAction action(short type) throws Outcome {
    return switch (type) {
      case F_RDLCK -> LockAction.LOCK_READ;
      case F_WRLCK -> LockAction.LOCK_WRITE;
      case F_UNLCK -> LockAction.UNLOCK;
      default -> throw new Outcome(ErrorCode.INVALID_ARGUMENT, "lock type " + type);
    };
  }

  // ---- closing descriptors

  /** A descriptor is closed: its process has no fcntl locks on the file any more. */
  void onFlush(long node, long fileInfo) {
    locks.drop(operations.inode(node), FuseRequest.lockOwner(fileInfo));
  }

  /** The last descriptor of an open file is closed: its own locks go. */
  void onRelease(long fileInfo) {
    locks.close(FuseRequest.handle(fileInfo));
  }

  // ---- the end

  /** Interrupts all that wait: nobody is there any more who would. */
  void interruptAll() {
    pending.keySet().forEach(number -> interrupt(0, number));
  }

  /** Whether every request was answered: until then its memory is libfuse's. */
  boolean awaitIdle(long timeoutNs) {
    long deadlineNs = System.nanoTime() + timeoutNs;
    while (unanswered.get() != 0 && System.nanoTime() - deadlineNs < 0) {
      LockSupport.parkNanos(POLL_NS);
    }
    return unanswered.get() == 0;
  }
}
