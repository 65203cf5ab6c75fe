package io.lockstep.lockd.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Facts that the scripts do not tell: bounds, time, and the order of effects. */
class LeaseTableTest {
  private static final long MS = 1_000_000;
  private static final long S = 1_000 * MS;
  private static final long FILE = 7;

  private static final LeaseLimits SMALL =
      new LeaseLimits(10 * S, 100 * MS, S, 60 * S, 100 * MS, 2 * S, 60 * S, 4, 3, 6, 5, 2);

  private LeaseTable table = new LeaseTable(SMALL);
  private long nowNs = 77;

  @Test
  void nothingIsAcceptedBeforeTheStartEntryIsLogged() {
    assertThatThrownBy(() -> acquire(11, FILE, 1, LeaseMode.SHARED))
        .isInstanceOf(Check.BrokenInvariant.class);
  }

  @Test
  void lockdWithoutFormerSessionsServesAsSoonAsOrphansAreSettled() {
    List<Effect> effects = table.onStarted(10, List.of(), nowNs);
    assertThat(table.phase()).isEqualTo(LeaseTable.Phase.SWEEPING);
    Token seal = ((Effect.AskSettleOrphans) effects.get(0)).seal();
    table.onOrphansSettled(seal, true, Set.of(), nowNs);
    assertThat(table.isServing()).isTrue();
  }

  @Test
  void sizeOwnerIsPublishedBeforeTheGrant() {
    serve();
    List<Effect> effects = acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    assertThat(effects).hasSize(2);
    assertThat(effects.get(0)).isEqualTo(new Effect.SizeOwner(FILE, 11));
    assertThat(effects.get(1)).isInstanceOf(Effect.Grant.class);
  }

  @Test
  void readerTakesAlongTheReadersThatWaitAndAWriterIsOvertakenOnce() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, FILE, 1, LeaseMode.SHARED);
    acquire(13, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(14, FILE, 1, LeaseMode.SHARED);
    assertThat(granted(table.onRelease(11, FILE, 1, true, nowNs))).containsExactly(12L, 14L);
    // One more reader comes: it is behind the writer.
    assertThat(granted(acquire(15, FILE, 1, LeaseMode.SHARED))).isEmpty();
    table.onRelease(12, FILE, 1, true, nowNs);
    assertThat(granted(table.onRelease(14, FILE, 1, true, nowNs))).containsExactly(13L);
  }

  private List<Effect> ride(long session, long lease, LeaseMode mode) {
    return table.onRide(
        new LeaseTable.Acquire(session, FILE, lease, mode, 3, nowNs + 30 * S), nowNs);
  }

  @Test
  void leaseRidesOnlyIfNobodyHasToBeAskedForIt() {
    serve();
    assertThat(granted(ride(11, 1, LeaseMode.EXCLUSIVE))).containsExactly(11L);
    assertThat(granted(ride(11, 1, LeaseMode.EXCLUSIVE))).as("repeated").containsExactly(11L);
    assertThat(ride(12, 1, LeaseMode.SHARED))
        .as("no recall")
        .singleElement()
        .satisfies(effect -> assertThat(refusal(List.of(effect))).isEqualTo(ErrorCode.BUSY));
    assertThat(table.waiters()).isZero();
    table.onRelease(11, FILE, 1, true, nowNs);
    assertThat(refusal(ride(11, 1, LeaseMode.EXCLUSIVE))).as("ended").isEqualTo(ErrorCode.BUSY);
    assertThat(granted(ride(11, 2, LeaseMode.SHARED))).containsExactly(11L);
    assertThat(granted(ride(12, 1, LeaseMode.SHARED))).containsExactly(12L);
    assertThat(refusal(ride(11, 3, LeaseMode.EXCLUSIVE))).isEqualTo(ErrorCode.BUSY);
    acquire(13, FILE, 1, LeaseMode.EXCLUSIVE);
    assertThat(refusal(ride(14, 1, LeaseMode.SHARED)))
        .as("a writer waits")
        .isEqualTo(ErrorCode.BUSY);
  }

  @Test
  void nothingRidesInGrace() {
    table.onStarted(10, List.of(11L), nowNs);
    assertThat(refusal(ride(11, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.BUSY);
    assertThat(table.waiters()).isZero();
  }

  @Test
  void queueOfAnInodeIsBounded() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    for (long session = 12; session < 15; session++) {
      assertThat(acquire(session, FILE, 1, LeaseMode.SHARED)).noneMatch(this::isRefusal);
    }
    assertThat(refusal(acquire(15, FILE, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.BUSY);
  }

  @Test
  void numberOfLeasesIsBounded() {
    serve();
    for (long inode = 1; inode <= 5; inode++) {
      assertThat(granted(acquire(11, inode, 1, LeaseMode.SHARED))).containsExactly(11L);
    }
    assertThat(refusal(acquire(11, 6, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.BUSY);
    table.onRelease(11, 1, 1, true, nowNs);
    assertThat(granted(acquire(11, 6, 1, LeaseMode.SHARED))).containsExactly(11L);
  }

  @Test
  void repeatOfAnAcquireExtendsItsTimeAndKeepsItsPlace() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(13, FILE, 1, LeaseMode.EXCLUSIVE);
    nowNs += 25 * S;
    acquire(12, FILE, 1, LeaseMode.EXCLUSIVE);
    nowNs += 10 * S;
    List<Effect> effects = table.onTick(nowNs);
    assertThat(effects).contains(timedOut(13)).doesNotContain(timedOut(12));
    assertThat(granted(table.onRelease(11, FILE, 1, true, nowNs))).containsExactly(12L);
  }

  @Test
  void waiterThatTimedOutMayAskAgainWithTheSameId() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, FILE, 1, LeaseMode.EXCLUSIVE);
    nowNs += 30 * S;
    assertThat(table.onTick(nowNs)).contains(timedOut(12));
    assertThat(acquire(12, FILE, 1, LeaseMode.EXCLUSIVE)).noneMatch(this::isRefusal);
  }

  @Test
  void recallStopsWhenNobodyWaitsAnyMore() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, FILE, 1, LeaseMode.EXCLUSIVE);
    table.onRelease(12, FILE, 1, true, nowNs);
    nowNs += 5 * S;
    assertThat(table.onTick(nowNs)).isEmpty();
  }

  @Test
  void endsAreForgottenWhenTheyAreManyOrOld() {
    serve();
    for (long inode = 1; inode <= 5; inode++) {
      acquire(11, inode, 1, LeaseMode.SHARED);
      table.onRelease(11, inode, 1, true, nowNs);
    }
    assertThat(granted(acquire(11, 1, 1, LeaseMode.SHARED))).containsExactly(11L);
    assertThat(refusal(acquire(11, 5, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.STALE_LEASE);
    nowNs += 61 * S;
    table.onTick(nowNs);
    assertThat(granted(acquire(11, 5, 1, LeaseMode.SHARED))).containsExactly(11L);
  }

  @Test
  void sharedLeaseEndsWithoutSettling() {
    serve();
    acquire(11, FILE, 1, LeaseMode.SHARED);
    assertThat(table.onRelease(11, FILE, 1, false, nowNs)).isEmpty();
  }

  @Test
  void directoryEndsWithoutSettling() {
    serve();
    run(new LeaseTable.Acquire(11, FILE, 1, LeaseMode.EXCLUSIVE, 0, nowNs + S));
    assertThat(table.onRelease(11, FILE, 1, false, nowNs)).isEmpty();
  }

  @Test
  void sweepAfterADeathWaitsForTheSettlesThatItBegan() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, 8, 1, LeaseMode.EXCLUSIVE);
    List<Effect> effects = table.onSessionEnded(11, false, nowNs);
    assertThat(effects).noneMatch(effect -> effect instanceof Effect.AskSettleOrphans);
    Effect.AskSettle settle = find(effects, Effect.AskSettle.class);
    effects = table.onSettled(FILE, settle.token(), true, nowNs);
    Effect.AskSettleOrphans sweep = find(effects, Effect.AskSettleOrphans.class);
    assertThat(sweep.covered()).extracting(Effect.Covered::inode).containsExactly(8L);
    assertThat(settle.token().isOlderThan(sweep.seal())).isTrue();
  }

  @Test
  void cleanlyClosedSessionNeedsNoSweep() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    table.onRelease(11, FILE, 1, true, nowNs);
    assertThat(table.onSessionEnded(11, true, nowNs)).isEmpty();
  }

  @Test
  void lateAnswerToAnOlderSettleIsIgnored() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    List<Effect> effects = table.onRelease(11, FILE, 1, false, nowNs);
    Token first = find(effects, Effect.AskSettle.class).token();
    table.onSettled(FILE, first, false, nowNs);
    nowNs += S;
    Token second = find(table.onTick(nowNs), Effect.AskSettle.class).token();
    assertThat(first.isOlderThan(second)).isTrue();
    assertThat(table.onSettled(FILE, first, true, nowNs)).isEmpty();
    assertThat(granted(acquire(12, FILE, 1, LeaseMode.SHARED))).isEmpty();
    assertThat(granted(table.onSettled(FILE, second, true, nowNs))).containsExactly(12L);
  }

  @Test
  void lostReclaimUnderAnotherHolderMakesThatEndUnclean() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    LeaseTable.Reclaim lost =
        new LeaseTable.Reclaim(FILE, 9, LeaseMode.EXCLUSIVE, new Token(9, 1), 3);
    List<Effect> effects = table.onReclaim(12, List.of(lost), true, nowNs);
    assertThat(effects).containsExactly(new Effect.AnswerReclaim(12, List.of(FILE)));
    effects = table.onRelease(11, FILE, 1, true, nowNs);
    assertThat(effects).anyMatch(effect -> effect instanceof Effect.AskSettle);
  }

  @Test
  void releaseThatOvertakesTheReclaimOfItsLeaseWins() {
    table.onStarted(10, List.of(11L), nowNs);
    table.onRelease(11, FILE, 4, true, nowNs);
    LeaseTable.Reclaim released =
        new LeaseTable.Reclaim(FILE, 4, LeaseMode.EXCLUSIVE, new Token(9, 1), 3);
    assertThat(table.onReclaim(11, List.of(released), false, nowNs))
        .containsExactly(new Effect.AnswerReclaim(11, List.of(FILE)));
    assertThat(table.leases()).isZero();
  }

  @Test
  void repeatOfARefusedReclaimIsNotSettledTwice() {
    serve();
    LeaseTable.Reclaim late =
        new LeaseTable.Reclaim(FILE, 4, LeaseMode.EXCLUSIVE, new Token(9, 1), 3);
    List<Effect> effects = table.onReclaim(11, List.of(late), true, nowNs);
    table.onSettled(FILE, find(effects, Effect.AskSettle.class).token(), true, nowNs);
    assertThat(table.onReclaim(11, List.of(late), true, nowNs))
        .containsExactly(new Effect.AnswerReclaim(11, List.of(FILE)));
  }

  @Test
  void sessionThatTheMasterDidNotCallOpenIsRefused() {
    serve();
    assertThat(table.isKnown(5)).isFalse();
    assertThat(refusal(acquire(5, FILE, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.SESSION_ENDED);
  }

  @Test
  void sessionThatEndedStaysEndedThoughTheMasterSaidOpenBefore() {
    serve();
    table.onSessionEnded(16, true, nowNs);
    table.onSessionOpened(16, nowNs);
    assertThat(table.isKnown(16)).isTrue();
    assertThat(refusal(acquire(16, FILE, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.SESSION_ENDED);
  }

  @Test
  void endedSessionThatIsForgottenIsUnknownAndRefused() {
    serve();
    for (long session = 20; session < 25; session++) {
      table.onSessionEnded(session, true, nowNs);
    }
    assertThat(table.isKnown(20)).isFalse();
    assertThat(table.isKnown(24)).isTrue();
    assertThat(refusal(acquire(20, FILE, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.SESSION_ENDED);
  }

  @Test
  void condemnedInodesAreRememberedUpToABound() {
    serve();
    for (long inode = 1; inode <= 3; inode++) {
      table.onCondemn(inode, inode, 3, nowNs + S, nowNs);
    }
    assertThat(refusal(acquire(11, 3, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.OBJECT_DELETED);
    assertThat(granted(acquire(11, 1, 1, LeaseMode.SHARED))).containsExactly(11L);
  }

  @Test
  void rowsShowThoseWithWaitersFirst() {
    serve();
    acquire(11, 1, 1, LeaseMode.SHARED);
    acquire(11, 2, 1, LeaseMode.SHARED);
    acquire(11, 3, 1, LeaseMode.EXCLUSIVE);
    acquire(12, 3, 1, LeaseMode.SHARED);
    assertThat(table.rows(2, nowNs)).extracting(LeaseTable.Row::inode).containsExactly(3L, 3L);
    assertThat(table.rows(2, nowNs))
        .extracting(LeaseTable.Row::state)
        .containsExactly("RECALLED", "WAITING");
    assertThat(table.rows(9, nowNs)).hasSize(4);
  }

  @Test
  void clearedLeaseEndsUncleanAndIsToldUntilItsHolderKnows() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, FILE, 1, LeaseMode.EXCLUSIVE);
    List<LeaseTable.Row> cleared = new ArrayList<>();
    List<Effect> effects = table.onClear(11, 0, cleared, nowNs);
    assertThat(cleared).extracting(LeaseTable.Row::session).containsExactly(11L);
    assertThat(effects).contains(new Effect.TellCleared(11, FILE, 1));
    Effect.AskSettle settle = find(effects, Effect.AskSettle.class);
    assertThat(granted(effects)).isEmpty();
    assertThat(granted(table.onSettled(FILE, settle.token(), true, nowNs))).isEmpty();
    nowNs += 200 * MS;
    assertThat(table.onTick(nowNs)).contains(new Effect.TellCleared(11, FILE, 1));
    assertThat(refusal(acquire(11, FILE, 1, LeaseMode.EXCLUSIVE))).isEqualTo(ErrorCode.STALE_LEASE);
    assertThat(granted(table.onRecallNotMine(11, FILE, 1, nowNs))).containsExactly(12L);
    nowNs += 5 * S;
    assertThat(table.onTick(nowNs)).doesNotContain(new Effect.TellCleared(11, FILE, 1));
  }

  /** What was cleared may still be read where it was held, until its holder knows. */
  @ParameterizedTest
  @EnumSource(
      value = LeaseMode.class,
      names = {"SHARED", "EXCLUSIVE"})
  void nobodyIsGrantedWhatWasClearedBeforeItsHolderKnows(LeaseMode mode) {
    serve();
    acquire(11, FILE, 1, mode);
    assertThat(grantsAfterClear()).isEmpty();
    assertThat(refusal(ride(13, 1, LeaseMode.SHARED))).isEqualTo(ErrorCode.BUSY);
    assertThat(granted(table.onRecallNotMine(11, FILE, 1, nowNs))).containsExactly(12L);
  }

  @Test
  void clearedLeaseOfASessionThatEndsIsGrantedToTheNext() {
    serve();
    acquire(11, FILE, 1, LeaseMode.SHARED);
    assertThat(grantsAfterClear()).isEmpty();
    assertThat(granted(table.onSessionEnded(11, false, nowNs))).containsExactly(12L);
  }

  /** A mutant: the next holder writes while the one before it still reads the old bytes. */
  @Test
  void withoutThatRuleTheNextIsGrantedAtOnce() {
    table =
        new LeaseTable(
            SMALL,
            new LeaseRules() {
              @Override
              boolean waitsForCleared() {
                return false;
              }
            });
    serve();
    acquire(11, FILE, 1, LeaseMode.SHARED);
    assertThat(grantsAfterClear()).containsExactly(12L);
  }

  /** Who is granted when the lease of session 11 was cleared and 12 wants to write. */
  private List<Long> grantsAfterClear() {
    List<Effect> effects = new ArrayList<>(table.onClear(11, 0, new ArrayList<>(), nowNs));
    for (Effect effect : List.copyOf(effects)) {
      if (effect instanceof Effect.AskSettle it) {
        effects.addAll(table.onSettled(FILE, it.token(), true, nowNs));
      }
    }
    effects.addAll(acquire(12, FILE, 1, LeaseMode.EXCLUSIVE));
    return granted(effects);
  }

  @Test
  void holderThatDoesNotHearOfItsClearedLeaseLosesItsSession() {
    serve();
    acquire(11, FILE, 1, LeaseMode.SHARED);
    table.onClear(0, 0, new ArrayList<>(), nowNs);
    nowNs += 61 * S;
    assertThat(find(table.onTick(nowNs), Effect.AskEndSession.class).session()).isEqualTo(11);
    table.onSessionEnded(11, false, nowNs);
    nowNs += 5 * S;
    assertThat(table.onTick(nowNs)).noneMatch(Effect.TellCleared.class::isInstance);
    assertThat(table.rows(9, nowNs)).isEmpty();
  }

  @Test
  void clearByAgeSparesTheYoungerOnes() {
    serve();
    acquire(11, 1, 1, LeaseMode.SHARED);
    nowNs += 30 * S;
    acquire(12, 1, 1, LeaseMode.SHARED);
    acquire(12, 2, 1, LeaseMode.EXCLUSIVE);
    List<LeaseTable.Row> cleared = new ArrayList<>();
    table.onClear(0, 30 * S, cleared, nowNs);
    assertThat(cleared).extracting(LeaseTable.Row::session).containsExactly(11L);
    assertThat(table.rows(9, nowNs)).extracting(LeaseTable.Row::session).containsExactly(12L, 12L);
  }

  @Test
  void longWaitsNameThoseInTheWay() {
    serve();
    acquire(11, FILE, 1, LeaseMode.EXCLUSIVE);
    acquire(12, FILE, 1, LeaseMode.EXCLUSIVE);
    assertThat(table.longWaits(3 * S, nowNs)).isEmpty();
    nowNs += 3 * S;
    assertThat(table.longWaits(3 * S, nowNs))
        .extracting(LeaseTable.Row::session)
        .containsExactly(11L, 12L);
    assertThat(table.longWaits(3 * S, nowNs).get(0).waiters()).isEqualTo(1);
  }

  private void serve() {
    List<Effect> effects = table.onStarted(10, List.of(), nowNs);
    table.onOrphansSettled(sweep(effects), true, Set.of(), nowNs);
    for (long session = 11; session <= 15; session++) {
      table.onSessionOpened(session, nowNs);
    }
  }

  private static Token sweep(List<Effect> effects) {
    return effects.stream()
        .filter(Effect.AskSettleOrphans.class::isInstance)
        .map(effect -> ((Effect.AskSettleOrphans) effect).seal())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void fileOfASetThatWasAwayIsSettledBeforeAnybodyGetsIt() {
    assertThat(settlesFirst()).isTrue();
  }

  @Test
  void grantingWhatWasNotSweptIsCaught() {
    table =
        new LeaseTable(
            SMALL,
            new LeaseRules() {
              @Override
              boolean mustSettleFirst(long set, Collection<Long> unswept) {
                return false;
              }
            });
    assertThat(settlesFirst()).isFalse();
  }

  /** Set 3 is away when the term begins. */
  private boolean settlesFirst() {
    List<Effect> effects = table.onStarted(10, List.of(), nowNs);
    table.onOrphansSettled(sweep(effects), true, Set.of(3L), nowNs);
    table.onSessionOpened(11, nowNs);
    assertThat(table.isServing()).isTrue();
    assertThat(table.isSwept()).isFalse();
    effects = acquire(11, FILE, 1, LeaseMode.SHARED);
    if (effects.get(effects.size() - 1) instanceof Effect.AskSettle settle) {
      effects = table.onSettled(FILE, settle.token(), true, nowNs);
      assertThat(granted(effects)).containsExactly(11L);
      return true;
    }
    assertThat(granted(effects)).containsExactly(11L);
    return false;
  }

  @Test
  void sweepIsRepeatedUntilAllSetsWereThere() {
    List<Effect> effects = table.onStarted(10, List.of(), nowNs);
    table.onOrphansSettled(sweep(effects), true, Set.of(3L, 4L), nowNs);
    table.onSessionOpened(11, nowNs);
    nowNs += S;
    // Set 5 has gone away since: nobody of a former term left anything there.
    table.onOrphansSettled(sweep(table.onTick(nowNs)), true, Set.of(4L, 5L), nowNs);
    assertThat(granted(acquire(11, FILE, 1, LeaseMode.SHARED))).containsExactly(11L);
    nowNs += 2 * S;
    table.onOrphansSettled(sweep(table.onTick(nowNs)), true, Set.of(5L), nowNs);
    assertThat(table.isSwept()).isTrue();
  }

  private List<Effect> acquire(long session, long inode, long lease, LeaseMode mode) {
    return run(new LeaseTable.Acquire(session, inode, lease, mode, 3, nowNs + 30 * S));
  }

  private List<Effect> run(LeaseTable.Acquire asked) {
    return table.onAcquire(asked, nowNs);
  }

  private static List<Long> granted(List<Effect> effects) {
    List<Long> sessions = new ArrayList<>();
    for (Effect effect : effects) {
      if (effect instanceof Effect.Grant it) {
        sessions.add(it.session());
      }
    }
    return sessions;
  }

  private boolean isRefusal(Effect effect) {
    return effect instanceof Effect.Refuse;
  }

  private static ErrorCode refusal(List<Effect> effects) {
    return find(effects, Effect.Refuse.class).code();
  }

  private static Effect timedOut(long session) {
    return new Effect.Refuse(session, FILE, 1, ErrorCode.LEASE_TIMEOUT, "others hold or await it");
  }

  private static <T extends Effect> T find(List<Effect> effects, Class<T> kind) {
    return effects.stream()
        .filter(kind::isInstance)
        .map(kind::cast)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + kind.getSimpleName() + " in " + effects));
  }
}
