package io.lockstep.tools.check;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Guarded by the future in it. A call on its way, so that several peers work at the same time. */
final class PendingReply {
  private static final long SLACK_NS = TimeUnit.SECONDS.toNanos(5);

  private final CompletableFuture<Reply> answer = new CompletableFuture<>();
  private final long timeoutNs;

  private PendingReply(long timeoutNs) {
    this.timeoutNs = timeoutNs;
  }

  static PendingReply of(Peer peer, Request request, long timeoutNs) {
    PendingReply pending = new PendingReply(timeoutNs);
    peer.call(
        request,
        Payload.EMPTY,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          pending.answer.complete(reply);
        });
    return pending;
  }

  /** The answer, or one made here when the time is over. */
  Reply await() {
    try {
      return answer.get(timeoutNs + SLACK_NS, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return Replies.failure(ErrorCode.TIMED_OUT, "no answer");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Replies.failure(ErrorCode.CLOSING, "interrupted");
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }
}
