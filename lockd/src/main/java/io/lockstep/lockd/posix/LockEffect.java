package io.lockstep.lockd.posix;

import io.lockstep.core.ErrorCode;

/**
 * Immutable. What the owner of a {@link FileLockTable} does after a transition, in the order of the
 * list. Each may get lost: an answer is given again when the operation is repeated.
 */
public sealed interface LockEffect {
  /**
   * Answers the operation that came in, which is the only one that this transition answers.
   *
   * @param waiting not yet: {@link Tell} follows, or the answer to a repeat
   */
  record Answer(long session, long operation, ErrorCode code, boolean waiting)
      implements LockEffect {}

  /** Pushed: the wait of this operation is over. */
  record Tell(long session, long operation, ErrorCode code) implements LockEffect {}

  /**
   * Pushed: locks of this owner on this file were taken away by force.
   *
   * @param position in the order of {@link FileLockTable#position}
   */
  record TellLost(long session, long inode, boolean flock, long owner, long position)
      implements LockEffect {}
}
