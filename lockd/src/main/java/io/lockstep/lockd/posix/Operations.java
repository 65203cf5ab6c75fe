package io.lockstep.lockd.posix;

import io.lockstep.core.ErrorCode;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its table. Which operations of each session were answered, and how, so that one that
 * is repeated or delayed is not executed twice. Those below the low-water mark were answered to
 * their sender, who never repeats them.
 */
final class Operations {
  /** Not answered to their sender yet, of one session. */
  static final int WINDOW_MAX = 16_384;

  /**
   * @param position in the order in which this table executes, of all sessions
   */
  private record Answered(ErrorCode code, long position) {}

  private static final class Session {
    final TreeMap<Long, Answered> answered = new TreeMap<>();
    long below;
  }

  private final FileLockRules rules;
  private final Map<Long, Session> sessions = new HashMap<>();
  private long position;

  Operations(FileLockRules rules) {
    this.rules = rules;
  }

  /** What was answered before, or ANSWERED_BEFORE for a late duplicate; null = it is new. */
  ErrorCode answered(long session, long operation, long answeredBelow) {
    Session known = sessions.computeIfAbsent(session, s -> new Session());
    if (answeredBelow > known.below) {
      known.below = answeredBelow;
      known.answered.headMap(answeredBelow).clear();
    }
    if (!rules.isOnce()) {
      return null;
    }
    Answered before = known.answered.get(operation);
    if (before != null) {
      return before.code;
    }
    if (operation < known.below) {
      return ErrorCode.ANSWERED_BEFORE;
    }
    return known.answered.size() >= WINDOW_MAX ? ErrorCode.BUSY : null;
  }

  /** Something is executed, behind all that was before. */
  long nextPosition() {
    position++;
    return position;
  }

  /** Where this operation was executed, or if it was not, how far the table is. */
  long position(long session, long operation) {
    Session known = sessions.get(session);
    Answered answered = known == null ? null : known.answered.get(operation);
    return answered == null ? position : answered.position;
  }

  void answer(long session, long operation, ErrorCode code) {
    sessions
        .computeIfAbsent(session, s -> new Session())
        .answered
        .put(operation, new Answered(code, nextPosition()));
  }

  void forget(long session) {
    sessions.remove(session);
  }
}
