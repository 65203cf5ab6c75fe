package io.lockstep.wire.netty;

import io.lockstep.core.Limits;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.Request;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Confined to the event loop of its connection, but for the bytes of the whole server. What is
 * under way for one connection: requests that are being executed, and answers that the socket has
 * not taken.
 *
 * <p>A connection with nothing under way may always begin one request, so each makes progress
 * whatever the others hold; and one that waits for room has requests of its own whose end lets it
 * look again.
 */
final class Workload {
  private final ServerLimits limits;
  private final AtomicLong bytesTotal;

  /** Requests that the handler has and did not answer. */
  private int executing;

  /** Answers that the socket has not taken. */
  private int unwritten;

  /** Reserved by the requests of both kinds. */
  private long bytes;

  Workload(ServerLimits limits, AtomicLong bytesTotal) {
    this.limits = limits;
    this.bytesTotal = bytesTotal;
  }

  /** Bytes that the request holds, and its answer may hold. */
  static long reservation(Request request, Payload payload) {
    int answer =
        switch (request.getBodyCase()) {
          case READ_OBJECT -> request.getReadObject().getLength();
          case PULL_OBJECT -> request.getPullObject().getLength();
          default -> 0;
        };
    long answerMax = Math.min(Integer.toUnsignedLong(answer), Limits.PAYLOAD_BYTES_MAX);
    return request.getSerializedSize() + (long) payload.sizeBytes() + answerMax;
  }

  boolean isExecuting() {
    return executing > 0;
  }

  boolean isIdle() {
    return executing + unwritten == 0;
  }

  /** Whether there is room for another request that reserves this much. */
  boolean hasRoom(long reserved) {
    return isIdle()
        || (executing + unwritten < limits.requestsMax()
            && bytes + reserved <= limits.bytesMax()
            && bytesTotal.get() + reserved <= limits.bytesTotalMax());
  }

  void onExecute(long reserved) {
    executing++;
    bytes += reserved;
    bytesTotal.addAndGet(reserved);
  }

  /** Answered; the answer waits for the socket. */
  void onAnswer() {
    executing--;
    unwritten++;
  }

  /** The socket has taken the answer, or nobody will. */
  void onWritten(long reserved) {
    unwritten--;
    bytes -= reserved;
    bytesTotal.addAndGet(-reserved);
  }
}
