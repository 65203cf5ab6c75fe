package io.lockstep.replication.eagerlock;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;

/**
 * Immutable. What an event of the {@link EagerLock} leads to. The effects of one event are executed
 * in the order of their list, after the transition; what they cause comes back as further events,
 * never from inside.
 *
 * <p>Order within one event: Fail and Drop come before Start; the Start of a hold before the
 * WriteBack that ends it; PostOp before SendRelease; and SendRelease before SendAcquire.
 */
public sealed interface Effect {
  /** Ask lockd for the lease; answered by onGranted or onRefused with this id. */
  record SendAcquire(long lease, Mode mode) implements Effect {}

  /**
   * The operation runs now: it sends with this token, cycle and an epoch not below this one. Ends
   * with onDone.
   */
  record Start(long tx, long lease, Token token, long cycle, long epoch) implements Effect {}

  /** The operation does not run; it is forgotten here. */
  record Fail(long tx, ErrorCode code) implements Effect {}

  /** Call onTimer with this id after the time of its kind. */
  record ArmTimer(long timer, TimerKind kind) implements Effect {}

  /** Advisory: the timer would do nothing any more. */
  record CancelTimer(long timer) implements Effect {}

  /**
   * The cycle has ended and its last transaction is done: make it durable, then clear its dirty
   * mark, then call onPostOpDone. The lease does not wait for it.
   */
  record PostOp(Token token, long cycle) implements Effect {}

  /** Somebody waits for the lease: the holds among the owners send what they have and end. */
  record WriteBack(long lease) implements Effect {}

  /** The lease is lost: what the holds among the owners buffer is lost, and they end. */
  record Drop(long lease) implements Effect {}

  /**
   * First tell the master size and times, then release; onReleased when it is answered. If the
   * master could not be told, the release is not clean whatever stands here.
   */
  record SendRelease(long lease, boolean clean) implements Effect {}
}
