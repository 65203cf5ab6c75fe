package io.lockstep.lockd.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.LockAction;
import java.util.function.Consumer;

/**
 * Confined to the agent of its {@link FileLocks}, but for what is final. One lock or unlock on its
 * way:
 *
 * <pre>
 *   NEW --> SENT <--> WAITING --> DONE
 *             |  interrupt |
 *             +-> CANCELLING --> DONE
 * </pre>
 */
public final class LockOperation {
  enum State {
    /** Not sent: it has no id yet, or lockd has to hear first what is held. */
    NEW,
    /** Lockd is asked. */
    SENT,
    /** Lockd has it in its queue; asked again from time to time. */
    WAITING,
    /** Somebody interrupted it: lockd is asked whether it was granted before that. */
    CANCELLING,
    /** Answered. */
    DONE
  }

  final LockSpec spec;
  final LockAction action;
  final boolean blocking;
  final long handle;

  /** By when it is answered in any case; Long.MAX_VALUE = it may wait for ever. */
  final long deadlineNs;

  private final Consumer<ErrorCode> onDone;
  State state = State.NEW;
  long id;

  /** Before it had an id. */
  boolean interrupted;

  /** Nothing of it was executed up to here. */
  Moment since;

  /** Lockd has said that it waits. */
  boolean queued;

  /** A new lockd was told of a lock as shared because this may have made it so. */
  boolean hasShared;

  /** Rises with each message: timers and answers of an older one are stale. */
  long attempt;

  LockOperation(
      LockSpec spec,
      LockAction action,
      boolean blocking,
      long handle,
      long deadlineNs,
      Consumer<ErrorCode> onDone) {
    this.spec = spec;
    this.action = action;
    this.blocking = blocking;
    this.handle = handle;
    this.deadlineNs = deadlineNs;
    this.onDone = onDone;
  }

  boolean isLock() {
    return action == LockAction.LOCK_READ || action == LockAction.LOCK_WRITE;
  }

  boolean isWrite() {
    return action == LockAction.LOCK_WRITE;
  }

  /** Whether it may have made less of what its owner had, before it is answered. */
  boolean mayTake() {
    return !isLock() || spec.flock() || mayShare();
  }

  /** Whether it may have made shared what its owner had alone. */
  boolean mayShare() {
    return action == LockAction.LOCK_READ && !spec.flock() && !queued;
  }

  boolean isDone() {
    return state == State.DONE;
  }

  void done(ErrorCode code) {
    state = State.DONE;
    onDone.accept(code);
  }
}
