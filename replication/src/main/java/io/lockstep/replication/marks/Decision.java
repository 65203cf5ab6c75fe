package io.lockstep.replication.marks;

import io.lockstep.core.ErrorCode;

/** Immutable. What the rules say to a request that concerns marks. */
public sealed interface Decision {
  /** Not executed, nothing changed. */
  record Refuse(ErrorCode code) implements Decision {}

  /**
   * May go on.
   *
   * @param marks from now on
   * @param persist whether they differ from before: then they are durable before anything that the
   *     request asks for is done or answered
   */
  record Admit(ObjectMarks marks, boolean persist) implements Decision {}
}
