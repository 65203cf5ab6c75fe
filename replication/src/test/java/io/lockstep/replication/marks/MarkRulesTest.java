package io.lockstep.replication.marks;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision.Admit;
import io.lockstep.replication.marks.Decision.Refuse;
import java.util.List;
import org.junit.jupiter.api.Test;

class MarkRulesTest {
  private static final Token OLD = new Token(3, 9);
  private static final Token LEASE = new Token(4, 1);
  private static final Token NEXT = new Token(4, 2);

  private final MarkRules rules = MarkRules.DEFAULT;

  private static WriteContext write(Token token, long cycle, long epoch, Integer... absent) {
    return new WriteContext(token, cycle, 0, epoch, List.of(absent));
  }

  private ObjectMarks after(ObjectMarks marks, WriteContext context) {
    return ((Admit) rules.onWrite(marks, context, true)).marks();
  }

  @Test
  void firstWriteOfACycleSetsTheMarkAndLaterOnesAreFree() {
    Admit first = (Admit) rules.onWrite(ObjectMarks.NONE, write(LEASE, 1, 1), true);
    assertThat(first.persist()).isTrue();
    assertThat(first.marks().newest()).isEqualTo(LEASE);
    assertThat(first.marks().dirty()).isEqualTo(new DirtyMark(LEASE, 1, 0));
    assertThat(first.marks().present()).isTrue();
    assertThat(rules.onWrite(first.marks(), write(LEASE, 1, 1), true))
        .isEqualTo(new Admit(first.marks(), false));
  }

  @Test
  void preOpAloneMakesNoRecord() {
    assertThat(rules.onWrite(ObjectMarks.NONE, write(LEASE, 1, 1, 3), false))
        .isEqualTo(new Admit(ObjectMarks.NONE, false));
  }

  @Test
  void preOpAloneMakesNoFile() {
    ObjectMarks sealed = ((Admit) rules.onSeal(ObjectMarks.NONE, OLD, List.of(), 1)).marks();
    Admit preOp = (Admit) rules.onWrite(sealed, write(LEASE, 1, 1), false);
    assertThat(preOp.persist()).isTrue();
    assertThat(preOp.marks().present()).isFalse();
    Admit write = (Admit) rules.onWrite(preOp.marks(), write(LEASE, 1, 1), true);
    assertThat(write.persist()).isTrue();
    assertThat(write.marks().present()).isTrue();
  }

  @Test
  void staleTokenIsFenced() {
    ObjectMarks marks = after(ObjectMarks.NONE, write(LEASE, 1, 1));
    assertThat(rules.onWrite(marks, write(OLD, 7, 1), true))
        .isEqualTo(new Refuse(ErrorCode.STALE_TOKEN));
    ObjectMarks sealed = ((Admit) rules.onSeal(marks, NEXT, List.of(), 1)).marks();
    assertThat(sealed.dirty()).isEqualTo(marks.dirty());
    assertThat(rules.onWrite(sealed, write(LEASE, 1, 1), true))
        .isEqualTo(new Refuse(ErrorCode.STALE_TOKEN));
    assertThat(rules.onSeal(sealed, LEASE, List.of(), 1))
        .isEqualTo(new Refuse(ErrorCode.STALE_TOKEN));
    assertThat(rules.onSeal(sealed, NEXT, List.of(), 1)).isEqualTo(new Admit(sealed, false));
  }

  @Test
  void clearRemovesExactlyOneCycle() {
    ObjectMarks second = after(after(ObjectMarks.NONE, write(LEASE, 1, 1)), write(LEASE, 2, 1));
    assertThat(rules.onClearDirty(second, LEASE, 1, List.of())).isEqualTo(new Admit(second, false));
    Admit cleared = (Admit) rules.onClearDirty(second, LEASE, 2, List.of());
    assertThat(cleared.persist()).isTrue();
    assertThat(cleared.marks().dirty()).isNull();
    assertThat(cleared.marks().newest()).isEqualTo(LEASE);
    assertThat(rules.onClearDirty(cleared.marks(), LEASE, 2, List.of()))
        .isEqualTo(new Admit(cleared.marks(), false));
  }

  @Test
  void lateWriteOfAnEarlierCycleKeepsTheNewerMark() {
    ObjectMarks second = after(after(ObjectMarks.NONE, write(LEASE, 1, 1)), write(LEASE, 2, 1));
    assertThat(after(second, write(LEASE, 1, 1)).dirty()).isEqualTo(new DirtyMark(LEASE, 2, 0));
  }

  @Test
  void clearIsRefusedWhileAnAbsentMemberHasNoMark() {
    ObjectMarks marks = after(ObjectMarks.NONE, write(LEASE, 1, 1));
    assertThat(rules.onClearDirty(marks, LEASE, 1, List.of(3)))
        .isEqualTo(new Refuse(ErrorCode.CONFLICT));
    ObjectMarks repeated = after(marks, write(LEASE, 1, 2, 3));
    assertThat(repeated.hasPendingFor(3)).isTrue();
    Admit cleared = (Admit) rules.onClearDirty(repeated, LEASE, 1, List.of(3));
    assertThat(cleared.marks().dirty()).isNull();
    assertThat(cleared.marks().hasPendingFor(3)).isTrue();
    assertThat(cleared.marks().isMarked()).isTrue();
  }

  @Test
  void pendingMarkIsRenewedWithEachCycleAndEpochAndClearedByVersion() {
    ObjectMarks first = after(ObjectMarks.NONE, write(LEASE, 1, 2, 3));
    long version = first.pending().get(3).version();
    assertThat(after(first, write(LEASE, 1, 2, 3))).isSameAs(first);
    ObjectMarks later = after(first, write(LEASE, 1, 4, 3));
    assertThat(later.pending().get(3).version()).isGreaterThan(version);
    ObjectMarks cycle = after(later, write(LEASE, 2, 4, 3));
    long newest = cycle.pending().get(3).version();
    assertThat(newest).isGreaterThan(later.pending().get(3).version());
    assertThat(rules.onClearPending(cycle, 3, version)).isEqualTo(new Refuse(ErrorCode.CONFLICT));
    ObjectMarks cleared = ((Admit) rules.onClearPending(cycle, 3, newest)).marks();
    assertThat(cleared.hasPendingFor(3)).isFalse();
    assertThat(rules.onClearPending(cleared, 3, newest)).isEqualTo(new Admit(cleared, false));
    // A version never repeats, even if the mark was gone.
    ObjectMarks again = after(cleared, write(LEASE, 3, 4, 3));
    assertThat(again.pending().get(3).version()).isGreaterThan(newest);
  }

  @Test
  void renewingOneMarkLeavesThoseOfOthersAlone() {
    ObjectMarks two = after(ObjectMarks.NONE, write(LEASE, 1, 2, 2, 3));
    long versionOfTwo = two.pending().get(2).version();
    ObjectMarks later = after(two, write(LEASE, 2, 3, 3));
    assertThat(later.pending().get(2).version()).isEqualTo(versionOfTwo);
    assertThat(later.pending().get(3).version()).isGreaterThan(versionOfTwo);
  }

  @Test
  void sealTellsThoseWhoAreAbsent() {
    Admit sealed = (Admit) rules.onSeal(ObjectMarks.NONE, NEXT, List.of(3), 5);
    assertThat(sealed.persist()).isTrue();
    assertThat(sealed.marks().newest()).isEqualTo(NEXT);
    assertThat(sealed.marks().hasPendingFor(3)).isTrue();
    assertThat(sealed.marks().dirty()).isNull();
  }

  @Test
  void deletedObjectTakesNothingMore() {
    ObjectMarks marks = after(ObjectMarks.NONE, write(LEASE, 1, 2, 3));
    assertThat(rules.onDelete(marks, OLD)).isEqualTo(new Refuse(ErrorCode.STALE_TOKEN));
    ObjectMarks dead = ((Admit) rules.onDelete(marks, NEXT)).marks();
    assertThat(dead.tombstone()).isTrue();
    assertThat(dead.isMarked()).isFalse();
    assertThat(dead.present()).isFalse();
    assertThat(rules.onWrite(dead, write(new Token(9, 9), 1, 2), true))
        .isEqualTo(new Refuse(ErrorCode.OBJECT_DELETED));
    assertThat(rules.onDelete(dead, OLD)).isEqualTo(new Admit(dead, false));
  }

  @Test
  void repairTellsMembersOutOfStepWhatTheSourceTells() {
    ObjectMarks marks = after(ObjectMarks.NONE, write(LEASE, 1, 2, 3));
    ObjectMarks repairing =
        ((Admit) rules.onRepairBegin(marks, NEXT, null, List.of(3, 4), 5)).marks();
    assertThat(repairing.pending().keySet()).containsExactly(3, 4);
    assertThat(repairing.pending().get(3)).isEqualTo(marks.pending().get(3));
    assertThat(repairing.pending().get(4).epoch()).isEqualTo(5);
  }

  @Test
  void bytesThatAFailedSyncLostStayLostUntilTheyAreRepaired() {
    ObjectMarks marks = after(ObjectMarks.NONE, write(LEASE, 1, 2));
    ObjectMarks lost = ((Admit) rules.onSyncFailed(marks)).marks();
    assertThat(lost.copy()).isEqualTo(Copy.LOST);
    assertThat(lost.isSettled()).isFalse();
    ObjectMarks repairing = ((Admit) rules.onRepairBegin(lost, NEXT, null, List.of(), 5)).marks();
    assertThat(repairing.copy()).isEqualTo(Copy.LOST);
    assertThat(((Admit) rules.onRepairEnd(repairing, null)).marks().copy()).isEqualTo(Copy.WHOLE);
  }

  @Test
  void repairMarksTheObjectAndLearnsTheFence() {
    ObjectMarks marks = after(ObjectMarks.NONE, write(LEASE, 1, 2));
    ObjectMarks repairing = ((Admit) rules.onRepairBegin(marks, NEXT, null, List.of(), 5)).marks();
    assertThat(repairing.healing()).isTrue();
    assertThat(repairing.newest()).isEqualTo(NEXT);
    assertThat(rules.onWrite(repairing, write(LEASE, 1, 2), true))
        .isEqualTo(new Refuse(ErrorCode.STALE_TOKEN));
    assertThat(((Admit) rules.onRepairBegin(marks, OLD, null, List.of(), 5)).marks().newest())
        .isEqualTo(LEASE);
    DirtyMark theirs = new DirtyMark(NEXT, 1, 0);
    assertThat(((Admit) rules.onRepairBegin(marks, NEXT, theirs, List.of(), 5)).marks().dirty())
        .isEqualTo(theirs);
    ObjectMarks whole = ((Admit) rules.onRepairEnd(repairing, marks.dirty())).marks();
    assertThat(whole.isSettled()).isTrue();
    ObjectMarks renewed = after(repairing, write(NEXT, 1, 2));
    assertThat(((Admit) rules.onRepairEnd(renewed, marks.dirty())).marks().dirty())
        .isEqualTo(new DirtyMark(NEXT, 1, 0));
  }
}
