package io.lockstep.wire;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Immutable. Calls for code that may block: the vfs, the command line, start-up. Never on a thread
 * of the transport or of an agent.
 */
public final class Calls {
  /** A peer answers in time by contract; this is for one that does not. */
  private static final long GRACE_NS = TimeUnit.SECONDS.toNanos(1);

  private Calls() {}

  /**
   * Immutable, but for the reference count of the payload.
   *
   * @param payload owned by the one who called
   */
  public record Answer(Reply reply, Payload payload) {}

  /**
   * Waits for the reply, without payloads.
   *
   * @throws Outcome if its code is not OK; IO_ERROR if this thread is interrupted (it stays so)
   */
  public static Reply await(Peer peer, Request request, long timeoutNs) throws Outcome {
    Answer answer = await(peer, request, Payload.EMPTY, timeoutNs);
    answer.payload().release();
    return answer.reply();
  }

  /**
   * Waits for the reply and its payload, which the caller releases.
   *
   * @param payload released by the transport
   * @throws Outcome if the code is not OK; IO_ERROR if this thread is interrupted (it stays so)
   */
  public static Answer await(Peer peer, Request request, Payload payload, long timeoutNs)
      throws Outcome {
    Answer answer = awaitAny(peer, request, payload, timeoutNs);
    if (!Replies.isOk(answer.reply())) {
      answer.payload().release();
    }
    Replies.orThrow(answer.reply());
    return answer;
  }

  /** Like {@link #await}, but a reply with any code is returned. */
  public static Answer awaitAny(Peer peer, Request request, Payload payload, long timeoutNs)
      throws Outcome {
    CompletableFuture<Answer> future = async(peer, request, payload, timeoutNs);
    try {
      return future.get(timeoutNs + GRACE_NS, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      abandon(future);
      throw new Outcome(ErrorCode.IO_ERROR, "interrupted in a call of " + request.getBodyCase());
    } catch (TimeoutException e) {
      abandon(future);
      throw new Outcome(ErrorCode.TIMED_OUT, "no answer to " + request.getBodyCase());
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  /** The reply as a future that always completes normally; its payload is owned by the taker. */
  public static CompletableFuture<Answer> async(
      Peer peer, Request request, Payload payload, long timeoutNs) {
    CompletableFuture<Answer> future = new CompletableFuture<>();
    peer.call(
        request,
        payload,
        timeoutNs,
        (reply, replyPayload) -> {
          if (!future.complete(new Answer(reply, replyPayload))) {
            replyPayload.release();
          }
        });
    return future;
  }

  /** The reply as a future that always completes normally; a payload is thrown away. */
  public static CompletableFuture<Reply> async(Peer peer, Request request, long timeoutNs) {
    CompletableFuture<Reply> future = new CompletableFuture<>();
    peer.call(
        request,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          future.complete(reply);
        });
    return future;
  }

  /** Nobody waits any more: a payload that comes now, or just came, is released. */
  private static void abandon(CompletableFuture<Answer> future) {
    if (!future.cancel(false)) {
      future.join().payload().release();
    }
  }
}
