package io.lockstep.fs.vfs;

import io.lockstep.core.Check;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * Confined to the lock of its {@link NameCache}. What this mount did to which inode, on a clock
 * that numbers moments and leases: whether an answer is older than a change of ours, and whether
 * two changes of an inode were under way at the same time.
 */
final class OwnChanges {
  private static final int KEPT = 64;

  private static final class Mark {
    /** Changes under way. */
    int open;

    /** Those of {@link #open} that may be executed at any time in this session. */
    int unknown;

    /** Two of those under way, or one that has just ended, were so together. */
    boolean overlapped;

    /** When the last one ended. */
    long ended;
  }

  private final Map<Long, Mark> marks = new HashMap<>();

  /** When the questions that are open began. */
  private final TreeSet<Long> questions = new TreeSet<>();

  private int limit = KEPT;
  private long now;

  /** The number of a new moment or lease. */
  long next() {
    return ++now;
  }

  long now() {
    return now;
  }

  /** A question began at this moment. */
  void asked(long moment) {
    questions.add(moment);
  }

  void answered(long moment) {
    questions.remove(moment);
    if (marks.size() >= limit) {
      long oldest = questions.isEmpty() ? Long.MAX_VALUE : questions.first();
      marks.values().removeIf(mark -> mark.open == 0 && mark.ended < oldest);
      limit = 2 * marks.size() + KEPT;
    }
  }

  boolean isAnyAsked() {
    return !questions.isEmpty();
  }

  /** Whether this mount has left the inode alone since that moment. */
  boolean isQuietSince(long inode, long moment) {
    Mark mark = marks.get(inode);
    return mark == null || (mark.open == 0 && mark.ended < moment);
  }

  void begin(long inode) {
    Mark mark = marks.computeIfAbsent(inode, i -> new Mark());
    mark.open++;
    mark.overlapped |= mark.open > 1;
  }

  /**
   * The change that began at {@code moment} has ended.
   *
   * @return whether it was the only one all the time
   */
  boolean end(long inode, long moment) {
    Mark mark = marks.get(inode);
    Check.that(mark != null && mark.open > 0, "inode %d is not being changed", inode);
    boolean alone = !mark.overlapped && mark.ended < moment;
    mark.open--;
    mark.overlapped &= mark.open > 0;
    mark.ended = next();
    return alone;
  }

  /** Nobody knows whether or when it is executed. */
  void endUnknown(long inode) {
    marks.get(inode).unknown++;
  }

  /** A change of an instant. */
  void touch(long inode) {
    marks.computeIfAbsent(inode, i -> new Mark()).ended = next();
  }

  /** Nothing that was asked for in this session is executed any more. */
  void endSession() {
    for (Mark mark : marks.values()) {
      mark.open -= mark.unknown;
      mark.unknown = 0;
      mark.overlapped &= mark.open > 0;
    }
  }
}
