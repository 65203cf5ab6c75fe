package io.lockstep.fs.vfs;

import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.concurrent.TimeUnit;

/**
 * Immutable. Requests to the master with the deadline of one operation. A refusal that passes (the
 * request was not executed) is tried again with growing pauses until then.
 */
final class MasterCalls {
  private static final long PAUSE_MIN_NS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long PAUSE_MAX_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private final MasterPort master;
  private final Threads threads;
  private final long operationNs;

  MasterCalls(MasterPort master, Threads threads, long operationNs) {
    this.master = master;
    this.threads = threads;
    this.operationNs = operationNs;
  }

  Reply ask(Request request) throws Outcome {
    return call(timeoutNs -> master.ask(request, timeoutNs));
  }

  /** Like {@link #ask}, but a refusal that stays is returned with what it carries. */
  Reply askAny(Request request) throws Outcome {
    return call(
        timeoutNs -> {
          Reply reply = master.askAny(request, timeoutNs);
          return passes(Replies.code(reply)) ? Replies.orThrow(reply) : reply;
        });
  }

  Reply mutate(Request.Builder request) throws Outcome {
    return call(timeoutNs -> master.mutate(request, timeoutNs));
  }

  /** The end of an operation that begins now. */
  long deadlineNs() {
    return clock().nowNs() + operationNs;
  }

  long operationNs() {
    return operationNs;
  }

  Clock clock() {
    return threads.clock();
  }

  Threads threads() {
    return threads;
  }

  private interface Call {
    Reply within(long timeoutNs) throws Outcome;
  }

  private Reply call(Call call) throws Outcome {
    OperationLog.phase("master");
    long deadlineNs = deadlineNs();
    long pauseNs = PAUSE_MIN_NS;
    long leftNs = operationNs;
    while (true) {
      try {
        Reply reply = call.within(leftNs);
        OperationLog.phase("vfs");
        return reply;
      } catch (Outcome refusal) {
        leftNs = deadlineNs - clock().nowNs() - pauseNs;
        if (!passes(refusal.code()) || leftNs <= 0) {
          throw refusal;
        }
      }
      threads.pause(pauseNs);
      pauseNs = Math.min(2 * pauseNs, PAUSE_MAX_NS);
    }
  }

  private static boolean passes(ErrorCode code) {
    return switch (code) {
      case BUSY, NOT_LEADER, IN_GRACE, CONFLICT, SET_CLOSED -> true;
      default -> false;
    };
  }
}
