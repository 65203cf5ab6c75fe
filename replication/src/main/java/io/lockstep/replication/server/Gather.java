package io.lockstep.replication.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.SyncObjectsReply;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its own lock. Collects the outcomes of a request that names many objects and answers
 * when the last is in: with a {@link SyncObjectsReply} that names those that failed.
 */
final class Gather {
  private final Replica replica;
  private final Responder responder;
  private final boolean failWhole;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final SyncObjectsReply.Builder failures = SyncObjectsReply.newBuilder();

  @GuardedBy("lock")
  private int missing;

  @GuardedBy("lock")
  private ErrorCode first = ErrorCode.OK;

  @GuardedBy("lock")
  private @Nullable String firstMessage;

  /**
   * @param failWhole whether the reply itself has the code of the first failure too
   */
  Gather(Replica replica, Responder responder, int count, boolean failWhole) {
    this.replica = replica;
    this.responder = responder;
    this.missing = count;
    this.failWhole = failWhole;
    if (count == 0) {
      responder.reply(
          Reply.newBuilder().setSyncObjects(SyncObjectsReply.getDefaultInstance()).build());
    }
  }

  void onOutcome(long inode, ErrorCode code, String message) {
    Reply answer = null;
    lock.lock();
    try {
      if (!code.isOk()) {
        failures.addFailures(
            SyncObjectsReply.Failure.newBuilder().setInode(inode).setCode(code.number()));
        if (first.isOk()) {
          first = code;
          firstMessage = message;
        }
      }
      missing--;
      if (missing == 0) {
        // An epoch that became old concerns the whole request, not the object.
        boolean whole = failWhole || first == ErrorCode.STALE_EPOCH;
        answer =
            (whole && !first.isOk()
                    ? RequestOperation.failure(replica, first, firstMessage).toBuilder()
                    : Reply.newBuilder())
                .setSyncObjects(failures)
                .build();
      }
    } finally {
      lock.unlock();
    }
    if (answer != null) {
      responder.reply(answer);
    }
  }
}
