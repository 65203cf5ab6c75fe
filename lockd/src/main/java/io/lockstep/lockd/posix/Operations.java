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

  private static final class Session {
    final TreeMap<Long, ErrorCode> answered = new TreeMap<>();
    long below;
  }

  private final FileLockRules rules;
  private final Map<Long, Session> sessions = new HashMap<>();

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
    ErrorCode code = known.answered.get(operation);
    if (code == null && operation < known.below) {
      return ErrorCode.ANSWERED_BEFORE;
    }
    return code == null && known.answered.size() >= WINDOW_MAX ? ErrorCode.BUSY : code;
  }

  void answer(long session, long operation, ErrorCode code) {
    sessions.computeIfAbsent(session, s -> new Session()).answered.put(operation, code);
  }

  void forget(long session) {
    sessions.remove(session);
  }
}
