package io.lockstep.replication.marks;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision.Admit;
import io.lockstep.replication.marks.Decision.Refuse;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. How the marks of an object change: functions from marks and request to a {@link
 * Decision}.
 *
 * <p>Who calls keeps the order: an admitted change of marks is durable before the data it speaks of
 * is touched (I5). Modes and epochs are checked before, by the replica's configuration. The
 * protected methods are the single decisions that tests change one at a time.
 */
public class MarkRules {
  public static final MarkRules DEFAULT = new MarkRules();

  protected MarkRules() {}

  /**
   * A write, truncate, allocate, or bare pre-op.
   *
   * @param data whether bytes will be touched: the object then exists
   */
  public final Decision onWrite(ObjectMarks marks, WriteContext context, boolean data) {
    if (marks.tombstone()) {
      return new Refuse(ErrorCode.OBJECT_DELETED);
    }
    if (isFenced(marks, context.token())) {
      return new Refuse(ErrorCode.STALE_TOKEN);
    }
    if (!data && marks.newest().equals(Token.NONE)) {
      // Nobody wrote it here, or it was forgotten since: a post-op that is late gives it no record.
      return new Admit(marks, false);
    }
    boolean renew =
        marks.dirty() == null || marks.dirty().isOlderThan(context.token(), context.cycle());
    boolean pendingStand = renew ? context.absent().isEmpty() : allStand(marks, context);
    boolean present = marks.present() || data;
    if (!renew && pendingStand && present == marks.present()) {
      return new Admit(marks, false);
    }
    ObjectMarks next = marks;
    if (marks.newest().isOlderThan(context.token())) {
      next = next.withNewest(context.token());
    }
    if (renew) {
      next = next.withDirty(new DirtyMark(context.token(), context.cycle(), context.layer()));
    }
    if (!pendingStand) {
      next = renewPending(next, context.absent(), context.epoch());
    }
    return new Admit(next.withPresent(present), true);
  }

  /**
   * Post-op or settling: removes the dirty mark if it is exactly this one (P7) and a pending mark
   * stands for each of {@code absent} (P2). Another mark, or none, is left alone and is no error.
   */
  public final Decision onClearDirty(
      ObjectMarks marks, Token token, long cycle, Collection<Integer> absent) {
    if (marks.dirty() == null || !isTheMark(marks.dirty(), token, cycle)) {
      return new Admit(marks, false);
    }
    for (int member : absent) {
      if (!stands(marks, member)) {
        return new Refuse(ErrorCode.CONFLICT);
      }
    }
    return new Admit(marks.withDirty(null), true);
  }

  /** The member has healed what this version of its mark speaks of (P10). */
  public final Decision onClearPending(ObjectMarks marks, int member, long version) {
    Pending mark = marks.pending().get(member);
    if (mark == null) {
      return new Admit(marks, false);
    }
    if (mark.version() != version) {
      return new Refuse(ErrorCode.CONFLICT);
    }
    return new Admit(marks.withoutPending(member), true);
  }

  /**
   * Older tokens are refused from now on (P1). Those who are absent must learn of it, or they would
   * take a late write of the old holder when they return: a pending mark tells them.
   */
  public final Decision onSeal(
      ObjectMarks marks, Token token, Collection<Integer> absent, long epoch) {
    if (isFenced(marks, token)) {
      return new Refuse(ErrorCode.STALE_TOKEN);
    }
    if (marks.tombstone() || marks.newest().equals(token)) {
      return new Admit(marks, false);
    }
    return new Admit(renewPending(marks.withNewest(token), absent, epoch), true);
  }

  /** The inode is dead: bytes and marks go, a tombstone stays (P15). */
  public final Decision onDelete(ObjectMarks marks, Token token) {
    if (marks.tombstone()) {
      return new Admit(marks, false);
    }
    if (isFenced(marks, token)) {
      return new Refuse(ErrorCode.STALE_TOKEN);
    }
    return new Admit(
        new ObjectMarks(
            token,
            null,
            Collections.emptySortedMap(),
            marks.versions(),
            true,
            Copy.WHOLE,
            false,
            0),
        true);
  }

  /**
   * The bytes of the object are going to be replaced from a source whose newest token is {@code
   * newest}.
   *
   * @param sourceDirty a mark that stands there and was not cleared here, or null: it has to stand
   *     here as well
   * @param missedBy members out of step that the source has a pending mark about: they miss what
   *     this copy gets, and may have to heal from it alone (P2)
   */
  public final Decision onRepairBegin(
      ObjectMarks marks,
      Token newest,
      @Nullable DirtyMark sourceDirty,
      Collection<Integer> missedBy,
      long epoch) {
    if (marks.tombstone()) {
      return new Refuse(ErrorCode.OBJECT_DELETED);
    }
    ObjectMarks next = marks;
    if (marks.newest().isOlderThan(newest)) {
      next = next.withNewest(newest);
    }
    next = next.withDirty(DirtyMark.newer(marks.dirty(), sourceDirty));
    next = next.withCopy(marks.copy() == Copy.LOST ? Copy.LOST : Copy.HALF);
    List<Integer> untold = missedBy.stream().filter(member -> isUntold(marks, member)).toList();
    next = renewPending(next, untold, epoch);
    return new Admit(next, !next.equals(marks));
  }

  /**
   * The bytes were replaced and are durable.
   *
   * @param ownDirty the dirty mark that was found when the heal began and that no client renewed
   *     since, or null to keep what stands
   */
  public final Decision onRepairEnd(ObjectMarks marks, @Nullable DirtyMark ownDirty) {
    ObjectMarks next = marks.withCopy(Copy.WHOLE);
    if (ownDirty != null && ownDirty.equals(marks.dirty())) {
      next = next.withDirty(null);
    }
    return new Admit(next, !next.equals(marks));
  }

  /** The bytes go, and a heal will bring them again: until then what is here is a part of them. */
  public final Admit onRenewal(ObjectMarks marks) {
    boolean whole = !marks.tombstone() && marks.copy() == Copy.WHOLE;
    return new Admit(whole ? marks.withCopy(Copy.HALF) : marks, whole);
  }

  /** A sync of the bytes failed: nothing that this run or a later one reads of them is believed. */
  public final Decision onSyncFailed(ObjectMarks marks) {
    ObjectMarks next = marks.tombstone() ? marks : marks.withCopy(afterFailedSync(marks));
    return new Admit(next, !next.equals(marks));
  }

  /** What is left of the bytes. */
  protected Copy afterFailedSync(ObjectMarks marks) {
    return Copy.LOST;
  }

  /** I1. */
  protected boolean isFenced(ObjectMarks marks, Token token) {
    return token.isOlderThan(marks.newest());
  }

  /** P7. */
  protected boolean isTheMark(DirtyMark mark, Token token, long cycle) {
    return mark.names(token, cycle);
  }

  /** P2: whether a copy that is healed does not yet tell a member of what it misses. */
  protected boolean isUntold(ObjectMarks marks, int member) {
    return !marks.hasPendingFor(member);
  }

  /** P2. */
  protected boolean stands(ObjectMarks marks, int member) {
    return marks.hasPendingFor(member);
  }

  private static boolean allStand(ObjectMarks marks, WriteContext context) {
    for (int member : context.absent()) {
      Pending mark = marks.pending().get(member);
      if (mark == null || Long.compareUnsigned(mark.epoch(), context.epoch()) < 0) {
        return false;
      }
    }
    return true;
  }

  private static ObjectMarks renewPending(
      ObjectMarks marks, Collection<Integer> absent, long epoch) {
    if (absent.isEmpty()) {
      return marks;
    }
    SortedMap<Integer, Pending> renewed = new TreeMap<>(marks.pending());
    long version = marks.versions() + 1;
    for (int member : absent) {
      renewed.put(member, new Pending(version, epoch));
    }
    return marks.withPending(renewed, version);
  }
}
