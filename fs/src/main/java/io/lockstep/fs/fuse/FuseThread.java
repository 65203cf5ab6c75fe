package io.lockstep.fs.fuse;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.fs.vfs.OperationLog;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.StatFilesystemReply;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Its own thread: takes requests from the kernel one by one and serves each to the end. libfuse
 * calls back on it, so the operation finds the memory of its request by the current thread.
 */
final class FuseThread extends Thread {
  private static final int EINTR = 4;
  private static final int EAGAIN = 11;

  private final FuseSession session;
  private final OperationLog operations;
  private final FuseRequest memory;
  private final Pointer channelSlot;
  private final Pointer statvfs;
  private OperationLog.Slot slot;
  private long request;
  private boolean replied;

  FuseThread(FuseSession session, OperationLog operations, int number) {
    super("fuse-" + number);
    setDaemon(true);
    this.session = session;
    this.operations = operations;
    this.memory = new FuseRequest(InitReply.REQUEST_BYTES);
    Runtime runtime = Runtime.getSystemRuntime();
    this.channelSlot = runtime.getMemoryManager().allocateDirect(Long.BYTES, true);
    this.statvfs = runtime.getMemoryManager().allocateDirect(StatLayout.STATVFS_BYTES, true);
  }

  static FuseThread current() {
    Check.that(
        Thread.currentThread() instanceof FuseThread,
        "libfuse called on thread %s",
        Thread.currentThread().getName());
    return (FuseThread) Thread.currentThread();
  }

  @Override
  public void run() {
    slot = operations.enlist();
    boolean spare = false;
    try {
      boolean more = true;
      while (more && !spare) {
        int size = session.receive(channelSlot, memory);
        if (size > 0) {
          spare = !session.process(memory);
        }
        more = size > 0 || size == -EINTR || size == -EAGAIN;
      }
    } finally {
      operations.retire(slot);
      memory.close();
      session.onThreadEnd(this, spare);
    }
  }

  FuseRequest memory() {
    return memory;
  }

  ByteString name(long address) {
    return memory.name(address);
  }

  Caller caller() {
    return memory.caller();
  }

  long request() {
    return request;
  }

  long statvfs(StatFilesystemReply from) {
    StatLayout.putStatvfs(statvfs, from);
    return statvfs.address();
  }

  void begin(OperationLog.Kind kind, long ofRequest, long inode, long nowNs) {
    request = ofRequest;
    replied = false;
    slot.begin(kind, inode, nowNs);
  }

  void end(boolean ok, long nowNs) {
    slot.end(ok, nowNs);
  }

  boolean hasReplied() {
    return replied;
  }

  /** Notes that the kernel has its answer; returns what the reply function returned. */
  int replied(int result) {
    replied = true;
    return result;
  }
}
