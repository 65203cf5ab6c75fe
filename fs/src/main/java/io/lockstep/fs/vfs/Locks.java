package io.lockstep.fs.vfs;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.lockd.client.LockOperation;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LockAction;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Immutable. Locks of applications on open files. Nobody's thread waits for a lock: the answer
 * comes by a call, on a thread that it must not keep.
 */
public final class Locks {
  private final FileLocks locks;
  private final Files files;
  private final MasterCalls master;

  Locks(FileLocks locks, Files files, MasterCalls master) {
    this.locks = locks;
    this.files = files;
    this.master = master;
    locks.onLost(files::onLocksLost);
  }

  /**
   * Locks or unlocks.
   *
   * @param handle that the application uses
   * @param action LOCK_READ, LOCK_WRITE or UNLOCK
   * @param blocking wait for as long as it takes, or until {@link #interrupt}
   * @param done WOULD_BLOCK, DEADLOCK, INTERRUPTED and NO_LOCKS say what fcntl(2) says
   * @throws Outcome if the handle is not open, or its locks were lost: told once
   */
  public LockOperation set(
      long handle, LockSpec spec, LockAction action, boolean blocking, Consumer<ErrorCode> done)
      throws Outcome {
    files.checkLocks(handle);
    return locks.set(spec, action, blocking, handle, done);
  }

  /** Which lock would be in the way; null if none. */
  public void test(LockSpec spec, LockAction action, BiConsumer<ErrorCode, FileLockRow> onFound) {
    locks.test(spec, action, onFound);
  }

  public void interrupt(LockOperation operation) {
    locks.interrupt(operation);
  }

  /**
   * The owner closes a descriptor of the file: everything of it there goes. Blocks until lockd
   * knows, but no longer than an operation; later is not lost, for it is repeated.
   */
  public void drop(long inode, boolean flock, long owner) {
    if (!locks.mayHold(inode, flock, owner)) {
      return;
    }
    OperationLog.phase("locks");
    CompletableFuture<ErrorCode> done = new CompletableFuture<>();
    locks.drop(inode, flock, owner, done::complete);
    try {
      done.get(master.operationNs(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (TimeoutException e) {
      OperationLog.phase("vfs");
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }
}
