package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.eagerlock.Effect;
import io.lockstep.replication.eagerlock.Kind;
import io.lockstep.replication.eagerlock.Range;
import java.util.concurrent.CompletableFuture;

/**
 * Confined to the replication agent. Something that runs under the eager lock of an inode: either
 * started once and then finished by itself, or failed.
 *
 * @param <T> what the caller gets
 */
abstract class LockOp<T> {
  final long tx;
  final Kind kind;
  final Range range;
  final long deadlineNs;

  /** Completed exceptionally with an {@link Outcome} only. */
  final CompletableFuture<T> result = new CompletableFuture<>();

  LockOp(long tx, Kind kind, Range range, long deadlineNs) {
    this.tx = tx;
    this.kind = kind;
    this.range = range;
    this.deadlineNs = deadlineNs;
  }

  /** It runs now; it ends with {@link LeasedInode#finish}. */
  abstract void start(Effect.Start start);

  /** It does not run. */
  void fail(ErrorCode code) {
    fail(code, "");
  }

  final void fail(ErrorCode code, String message) {
    result.completeExceptionally(new Outcome(code, message));
  }
}
