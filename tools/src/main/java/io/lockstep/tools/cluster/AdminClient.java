package io.lockstep.tools.cluster;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its caller. Asks the masters of a cluster on behalf of a command: finds the leader,
 * and tries again within a deadline as long as the answer is that nobody leads.
 */
public final class AdminClient {
  private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long TRANSPORT_SLACK_NS = TimeUnit.SECONDS.toNanos(5);

  private final PeerDirectory peers;
  private final List<String> masters;

  public AdminClient(PeerDirectory peers, List<String> masters) {
    this.peers = peers;
    this.masters = List.copyOf(masters);
  }

  /** A question: repeated over broken connections too, as it changes nothing. */
  public Reply ask(Request request, long timeoutNs) throws Outcome {
    return untilLeader(request, timeoutNs, true);
  }

  /** A change: repeated only if it was surely not executed. */
  public Reply change(Request request, long timeoutNs) throws Outcome {
    return untilLeader(request, timeoutNs, false);
  }

  private Reply untilLeader(Request request, long timeoutNs, boolean repeatable) throws Outcome {
    long deadlineNs = System.nanoTime() + timeoutNs;
    String address = masters.get(0);
    for (int attempt = 1; ; attempt++) {
      long leftNs = deadlineNs - System.nanoTime();
      Reply reply = call(peers.peer(address), request, Math.max(leftNs, 1));
      ErrorCode code = Replies.code(reply);
      boolean again =
          switch (code) {
            case NOT_LEADER, BUSY -> true;
            case DISCONNECTED, TIMED_OUT -> repeatable;
            default -> false;
          };
      if (!again) {
        return Replies.orThrow(reply);
      }
      if (deadlineNs - System.nanoTime() <= PAUSE_NS) {
        throw new Outcome(code, said(address, reply));
      }
      LockSupport.parkNanos(PAUSE_NS);
      address =
          reply.getLeader().isEmpty() ? masters.get(attempt % masters.size()) : reply.getLeader();
    }
  }

  private String said(String address, Reply reply) {
    String message = reply.getMessage().isEmpty() ? "" : ": " + reply.getMessage();
    return "no master leads at "
        + String.join(",", masters)
        + " (the last one, "
        + address
        + ", said "
        + Replies.code(reply)
        + message
        + ")";
  }

  /** One call to one peer, waiting for the answer. */
  public static Reply call(Peer peer, Request request, long timeoutNs) {
    CompletableFuture<Reply> answer = new CompletableFuture<>();
    peer.call(
        request,
        Payload.EMPTY,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          answer.complete(reply);
        });
    try {
      return answer.get(timeoutNs + TRANSPORT_SLACK_NS, TimeUnit.NANOSECONDS);
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
