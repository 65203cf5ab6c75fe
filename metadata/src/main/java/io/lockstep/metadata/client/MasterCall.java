package io.lockstep.metadata.client;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;

/**
 * Guarded by its own lock. One request on its way to the master: tried again, with the same
 * (session, sequence), until it is answered or its time is over.
 *
 * <p>An acquire waits at the server. It is repeated while the try before is still open, so that the
 * waiter never leaves its place in the queue; the first answer to any try counts, since lockd gives
 * the same one for the same lease id.
 */
final class MasterCall {
  /** How much longer than its patience an acquire's try stays open. */
  private static final long OVERLAP_NS = Way.TRY_ACQUIRE_NS;

  private final Way way;
  private final Sequences sequences;
  private final Request request;
  private final Payload payload;
  private final long deadlineNs;
  private final Peer.ReplyHandler onReply;
  private final boolean mutation;
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final Backoff backoff;

  @GuardedBy("lock")
  private int tries;

  @GuardedBy("lock")
  private boolean finished;

  @GuardedBy("lock")
  private boolean redirected;

  @GuardedBy("lock")
  private long sequence;

  @GuardedBy("lock")
  private Reply lastFailure = Replies.failure(ErrorCode.TIMED_OUT, "");

  /**
   * @param request with its session
   * @param mutation of the session's namespace: takes a number of {@code sequences}
   */
  MasterCall(
      Way way,
      Sequences sequences,
      boolean mutation,
      Request request,
      Payload payload,
      long timeoutNs,
      Peer.ReplyHandler onReply) {
    this.way = way;
    this.sequences = sequences;
    this.mutation = mutation;
    this.request = request;
    this.payload = payload;
    this.deadlineNs = way.nowNs() + timeoutNs;
    this.onReply = onReply;
    this.backoff = way.newBackoff();
  }

  void attempt() {
    long remainingNs = deadlineNs - way.nowNs();
    if (remainingNs <= 0) {
      finish(expired(), Payload.EMPTY);
      return;
    }
    if (!tryNumber()) {
      again(Replies.failure(ErrorCode.BUSY, "too many requests of this session are open"), false);
      return;
    }
    int number;
    Request sent;
    synchronized (lock) {
      if (finished) {
        return;
      }
      tries++;
      number = tries;
      sent = sequence == 0 ? request : numbered();
    }
    String address = way.leader().current();
    boolean acquire = request.getBodyCase() == BodyCase.ACQUIRE_LEASE;
    long patienceNs = acquire ? Way.TRY_ACQUIRE_NS : isTriedOnce() ? remainingNs : Way.TRY_NS;
    long openNs = Math.min(remainingNs, acquire ? patienceNs + OVERLAP_NS : patienceNs);
    if (acquire && patienceNs < remainingNs) {
      way.agent().schedule(patienceNs, () -> onPatienceOver(number));
    }
    payload.retain();
    way.peer(address)
        .call(sent, payload, openNs, (reply, body) -> onTry(number, address, reply, body));
  }

  /** Without a session nothing tells a repeat from a second wish: a late answer is waited for. */
  private boolean isTriedOnce() {
    return request.getBodyCase() == BodyCase.DELETE_VOLUME;
  }

  @GuardedBy("lock")
  private Request numbered() {
    return request.toBuilder().setSequence(sequence).setLowWater(sequences.lowWater()).build();
  }

  /** The first try of a mutation takes a number; false if there is none to be had now. */
  private boolean tryNumber() {
    synchronized (lock) {
      if (mutation && sequence == 0 && !finished) {
        sequence = sequences.tryOpen();
        return sequence != 0;
      }
      return true;
    }
  }

  private void onPatienceOver(int number) {
    synchronized (lock) {
      if (finished || number != tries) {
        return;
      }
    }
    attempt();
  }

  private void onTry(int number, String address, Reply reply, Payload body) {
    ErrorCode code = Replies.code(reply);
    if (!Way.isWorthRepeating(code)) {
      finish(reply, body);
      return;
    }
    body.release();
    synchronized (lock) {
      if (finished || number != tries) {
        return;
      }
    }
    again(reply, way.onFailure(address, code, reply));
  }

  /**
   * @param known where to ask now was named by another master: no pause, but not twice in a row
   */
  private void again(Reply failure, boolean known) {
    long pauseNs;
    synchronized (lock) {
      lastFailure = failure;
      redirected = known && !redirected;
      pauseNs = redirected ? 0 : backoff.nextNs();
    }
    long remainingNs = Math.max(0, deadlineNs - way.nowNs());
    way.agent().schedule(Math.min(pauseNs, remainingNs), this::attempt);
  }

  private Reply expired() {
    synchronized (lock) {
      ErrorCode code = Replies.code(lastFailure);
      if (code == ErrorCode.LEASE_TIMEOUT || code == ErrorCode.TIMED_OUT) {
        return lastFailure;
      }
      return Replies.failure(
          ErrorCode.TIMED_OUT,
          "no answer from a leading master in time; the last try: "
              + code
              + " "
              + lastFailure.getMessage());
    }
  }

  private void finish(Reply reply, Payload body) {
    long closed;
    synchronized (lock) {
      if (finished) {
        body.release();
        return;
      }
      finished = true;
      closed = sequence;
    }
    if (closed != 0) {
      sequences.close(closed);
    }
    payload.release();
    onReply.onReply(reply, body);
  }
}
