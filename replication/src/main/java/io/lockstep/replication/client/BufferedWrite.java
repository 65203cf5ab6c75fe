package io.lockstep.replication.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/**
 * Immutable but for its result. A write on its way into a buffer that was not open: the agent puts
 * it in when the lease is there, so that no recall can come between, and if its file locks still
 * are.
 *
 * @param offset -1 = append
 * @param bytes a copy; as many are taken from the budget
 */
record BufferedWrite(
    long offset,
    ByteBuffer bytes,
    Descriptor.Begun begun,
    long deadlineNs,
    CompletableFuture<Long> writtenAt) {
  int length() {
    return bytes.limit();
  }

  void fail(ErrorCode code) {
    writtenAt.completeExceptionally(new Outcome(code, ""));
  }
}
