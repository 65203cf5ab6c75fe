package io.lockstep.lockd.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.lockd.posix.LockEffect.Answer;
import io.lockstep.lockd.posix.LockEffect.Tell;
import io.lockstep.lockd.posix.LockRequest.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Facts about {@link FileLockTable} that random steps do not show by name. */
class FileLockTableTest {
  private static final long S = 1_000_000_000;
  private static final FileLockLimits LIMITS = new FileLockLimits(10 * S, 30 * S, 8, 2);
  private static final long A = 11;
  private static final long B = 12;

  private final FileLockTable table = new FileLockTable(LIMITS);
  private long lastOperation;
  private long nowNs = 77;

  private LockRequest request(long session, Kind kind, boolean blocking, long start, long end) {
    return request(session, 1, kind, blocking, start, end);
  }

  private LockRequest request(
      long session, long inode, Kind kind, boolean blocking, long start, long end) {
    lastOperation++;
    return new LockRequest(
        session, lastOperation, 0, inode, false, 5, start, end, kind, blocking, 42);
  }

  private ErrorCode code(LockRequest request) {
    return answer(table.onRequest(request, nowNs)).code();
  }

  private static Answer answer(List<LockEffect> effects) {
    return effects.stream()
        .filter(Answer.class::isInstance)
        .map(Answer.class::cast)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void rangesAreCutAndJoined() {
    LockedRanges ranges = new LockedRanges();
    ranges.set(new LockedRanges.Piece(0, 10, false, 1));
    ranges.set(new LockedRanges.Piece(3, 6, true, 1));
    assertThat(ranges.pieces())
        .extracting(piece -> piece.start() + "-" + piece.end() + (piece.write() ? "W" : "r"))
        .containsExactly("0-3r", "3-6W", "6-10r");
    ranges.set(new LockedRanges.Piece(3, 6, false, 1));
    assertThat(ranges.size()).isEqualTo(1);
    ranges.clear(4, 5);
    assertThat(ranges.pieces())
        .extracting(piece -> piece.start() + "-" + piece.end())
        .containsExactly("0-4", "5-10");
  }

  @Test
  void waitersAreServedInOrder() {
    table.onStarted(List.of(), nowNs);
    LockRequest held = request(A, Kind.WRITE, false, 0, 10);
    table.onRequest(held, nowNs);
    LockRequest first = request(B, Kind.WRITE, true, 0, 10);
    assertThat(answer(table.onRequest(first, nowNs)).waiting()).isTrue();
    LockRequest second = request(13, Kind.WRITE, true, 5, 10);
    table.onRequest(second, nowNs);
    List<LockEffect> effects = table.onRequest(request(A, Kind.UNLOCK, false, 0, 10), nowNs);
    assertThat(effects).contains(new Tell(B, first.operation(), ErrorCode.OK)).hasSize(2);
    assertThat(table.waiters()).isEqualTo(1);
    effects = table.onSessionEnded(B, nowNs);
    assertThat(effects).containsExactly(new Tell(13, second.operation(), ErrorCode.OK));
  }

  @Test
  void circleOverTwoFilesIsADeadlock() {
    table.onStarted(List.of(), nowNs);
    table.onRequest(request(A, 1, Kind.WRITE, false, 0, 1), nowNs);
    table.onRequest(request(B, 2, Kind.WRITE, false, 0, 1), nowNs);
    assertThat(answer(table.onRequest(request(A, 2, Kind.READ, true, 0, 9), nowNs)).waiting())
        .isTrue();
    assertThat(code(request(B, 1, Kind.READ, true, 0, 9))).isEqualTo(ErrorCode.DEADLOCK);
  }

  @Test
  void interruptedWaitLeavesNothing() {
    table.onStarted(List.of(), nowNs);
    table.onRequest(request(A, Kind.WRITE, false, 0, 10), nowNs);
    LockRequest wait = request(B, Kind.WRITE, true, 0, 10);
    table.onRequest(wait, nowNs);
    assertThat(answer(table.onCancel(B, wait.operation(), 0, nowNs)).code())
        .isEqualTo(ErrorCode.INTERRUPTED);
    table.onRequest(request(A, Kind.UNLOCK, false, 0, 10), nowNs);
    // Its request comes once more, late.
    assertThat(code(wait)).isEqualTo(ErrorCode.INTERRUPTED);
    assertThat(table.locks()).isZero();
  }

  @Test
  void cancelOfWhatWasGrantedSaysSo() {
    table.onStarted(List.of(), nowNs);
    LockRequest lock = request(A, Kind.WRITE, true, 0, 10);
    table.onRequest(lock, nowNs);
    assertThat(answer(table.onCancel(A, lock.operation(), 0, nowNs)).code())
        .isEqualTo(ErrorCode.OK);
    assertThat(table.locks()).isEqualTo(1);
  }

  @Test
  void nothingNewIsGrantedBeforeAllHaveTold() {
    table.onStarted(List.of(A, B), nowNs);
    LockRequest held = request(A, Kind.WRITE, false, 0, 10);
    assertThat(code(held)).isEqualTo(ErrorCode.IN_GRACE);
    assertThat(table.onReclaim(A, List.of(held), true, nowNs)).isEmpty();
    // B may have held it: A's unlock counts, but nobody's new lock.
    assertThat(code(request(A, Kind.UNLOCK, false, 5, 10))).isEqualTo(ErrorCode.OK);
    assertThat(code(request(A, Kind.READ, false, 20, 30))).isEqualTo(ErrorCode.IN_GRACE);
    LockRequest stolen = request(B, Kind.READ, false, 0, 3);
    LockRequest free = request(B, Kind.READ, false, 5, 7);
    assertThat(table.onReclaim(B, List.of(stolen, free), true, nowNs)).containsExactly(stolen);
    table.onTick(nowNs);
    assertThat(code(request(A, Kind.READ, false, 20, 30))).isEqualTo(ErrorCode.OK);
  }

  @Test
  void whoTellsAfterGraceHasLostHisLocks() {
    table.onStarted(List.of(A), nowNs);
    nowNs += 10 * S;
    table.onTick(nowNs);
    LockRequest held = request(A, Kind.WRITE, false, 0, 10);
    assertThat(table.onReclaim(A, List.of(held), true, nowNs)).containsExactly(held);
  }

  @Test
  void mutantThatGrantsInGraceIsSeen() {
    FileLockTable mutant =
        new FileLockTable(
            LIMITS,
            new FileLockRules() {
              @Override
              boolean waitsForGrace() {
                return false;
              }
            });
    mutant.onStarted(List.of(B), nowNs);
    LockRequest thief = request(A, Kind.WRITE, false, 0, 10);
    mutant.onRequest(thief, nowNs);
    LockRequest held = request(B, Kind.WRITE, false, 0, 10);
    assertThat(mutant.onReclaim(B, List.of(held), true, nowNs)).containsExactly(held);
  }

  @Test
  void waitThatNobodyRepeatsIsForgotten() {
    table.onStarted(List.of(), nowNs);
    table.onRequest(request(A, Kind.WRITE, false, 0, 10), nowNs);
    LockRequest wait = request(B, Kind.WRITE, true, 0, 10);
    table.onRequest(wait, nowNs);
    nowNs += 20 * S;
    table.onRequest(wait, nowNs);
    nowNs += 20 * S;
    table.onTick(nowNs);
    assertThat(table.waiters()).isEqualTo(1);
    nowNs += 10 * S;
    table.onTick(nowNs);
    assertThat(table.waiters()).isZero();
  }

  @Test
  void numbersOfLocksAndWaitersAreBounded() {
    table.onStarted(List.of(), nowNs);
    for (long i = 0; i < 8; i++) {
      assertThat(code(request(A, Kind.READ, false, 2 * i, 2 * i + 1))).isEqualTo(ErrorCode.OK);
    }
    assertThat(code(request(A, Kind.READ, false, 40, 41))).isEqualTo(ErrorCode.NO_LOCKS);
    assertThat(code(request(A, Kind.UNLOCK, false, 0, 100))).isEqualTo(ErrorCode.OK);
    assertThat(table.locks()).isZero();
    table.onRequest(request(A, Kind.WRITE, false, 0, 1), nowNs);
    for (long session = 12; session < 14; session++) {
      assertThat(code(request(session, Kind.READ, true, 0, 1))).isEqualTo(ErrorCode.OK);
    }
    assertThat(code(request(14, Kind.READ, true, 0, 1))).isEqualTo(ErrorCode.NO_LOCKS);
  }

  @Test
  void flockThatWantsMoreLetsGoFirst() {
    table.onStarted(List.of(), nowNs);
    LockRequest mine = flock(A, Kind.READ, false);
    table.onRequest(mine, nowNs);
    LockRequest theirs = flock(B, Kind.READ, false);
    table.onRequest(theirs, nowNs);
    LockRequest more = flock(A, Kind.WRITE, true);
    assertThat(answer(table.onRequest(more, nowNs)).waiting()).isTrue();
    List<LockEffect> effects = table.onRequest(flock(B, Kind.WRITE, true), nowNs);
    assertThat(effects).contains(new Tell(A, more.operation(), ErrorCode.OK));
    assertThat(answer(effects).waiting()).isTrue();
  }

  private LockRequest flock(long session, Kind kind, boolean blocking) {
    lastOperation++;
    return new LockRequest(
        session, lastOperation, 0, 1, true, 5, 0, Long.MAX_VALUE, kind, blocking, 42);
  }

  @Test
  void testNamesTheLockInTheWay() {
    table.onStarted(List.of(), nowNs);
    table.onRequest(request(A, Kind.READ, false, 5, 10), nowNs);
    assertThat(table.test(request(B, Kind.READ, false, 0, 100))).isNull();
    assertThat(table.test(request(A, Kind.WRITE, false, 0, 100))).isNull();
    FileLockTable.Row row = table.test(request(B, Kind.WRITE, false, 0, 100));
    assertThat(row.start()).isEqualTo(5);
    assertThat(row.end()).isEqualTo(10);
    assertThat(row.pid()).isEqualTo(42);
  }

  @Test
  void clearedLocksAreToldAndGone() {
    table.onStarted(List.of(), nowNs);
    table.onRequest(request(A, Kind.WRITE, false, 5, 10), nowNs);
    assertThat(table.onClear(A, nowNs)).containsExactly(new LockEffect.TellLost(A, 1, false, 5, 2));
    assertThat(table.locks()).isZero();
  }
}
