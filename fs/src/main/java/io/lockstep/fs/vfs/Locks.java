package io.lockstep.fs.vfs;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.lockd.client.LockOperation;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LockAction;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Immutable, but for its listeners. Locks of applications on open files. Nobody's thread waits for
 * a lock: the answer comes by a call, on a thread that it must not keep.
 */
public final class Locks {
  private final FileLocks locks;
  private final Files files;
  private final MasterCalls master;
  private final List<LongConsumer> onLost = new CopyOnWriteArrayList<>();

  Locks(FileLocks locks, Files files, MasterCalls master) {
    this.locks = locks;
    this.files = files;
    this.master = master;
    locks.onLost(handles -> files.onLocksLost(handles).forEach(this::tellLost));
  }

  private void tellLost(long inode) {
    onLost.forEach(listener -> listener.accept(inode));
  }

  /**
   * Who is told of files whose locks are lost, so that their descriptors' next operation comes here
   * and fails; called on an agent, which it must not keep.
   */
  public void onLost(LongConsumer listener) {
    onLost.add(listener);
  }

  /**
   * Locks or unlocks.
   *
   * @param handle that the application uses
   * @param action LOCK_READ, LOCK_WRITE or UNLOCK
   * @param blocking wait for as long as it takes, or until {@link #interrupt}
   * @param done WOULD_BLOCK, DEADLOCK, INTERRUPTED and NO_LOCKS say what fcntl(2) says
   * @throws Outcome if the handle is not open, or its locks were lost; reads and writes through it
   *     fail until this was said here
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
   * A process closes a descriptor of the file: its fcntl locks there go. Blocks until lockd knows,
   * but no longer than an operation; later is not lost, for it is repeated.
   */
  public void drop(long inode, long owner) {
    if (locks.mayHold(inode, false, owner)) {
      CompletableFuture<ErrorCode> done = new CompletableFuture<>();
      locks.drop(inode, false, owner, done::complete);
      await(done);
    }
  }

  /** The last descriptor of an open file is closed: what was locked through it alone goes. */
  public void close(long handle) {
    if (locks.isUsed(handle)) {
      CompletableFuture<ErrorCode> done = new CompletableFuture<>();
      locks.close(handle, done::complete);
      await(done);
    }
  }

  private void await(CompletableFuture<ErrorCode> done) {
    OperationLog.phase("locks");
    master.threads().waits().await(done, master.operationNs());
    OperationLog.phase("vfs");
  }
}
