package io.lockstep.replication.eagerlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.Check.BrokenInvariant;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Facts about {@link EagerLock}; every step checks the invariant. */
class EagerLockTest {
  private static final Token T1 = new Token(1, 1);
  private static final Token T2 = new Token(1, 2);
  private static final Range A = new Range(0, 10);
  private static final Range A_TAIL = new Range(5, 15);
  private static final Range B = new Range(20, 30);

  private final EagerLock lock = new EagerLock(0);

  private List<Effect> check(List<Effect> effects) {
    lock.checkInvariant();
    return effects;
  }

  private List<Effect> write(long tx, Range range) {
    return check(lock.onArrive(tx, Kind.WRITE, range));
  }

  private List<Effect> done(long tx) {
    return check(lock.onDone(tx, Result.OK));
  }

  private List<Effect> grant() {
    return check(lock.onGranted(lock.lastLease(), new Token(1, lock.lastLease()), 7));
  }

  private long idleTimer() {
    return timers(check(lock.onDone(1, Result.OK))).get(0);
  }

  private static List<Long> started(List<Effect> effects) {
    return effects.stream()
        .filter(e -> e instanceof Effect.Start)
        .map(e -> ((Effect.Start) e).tx())
        .toList();
  }

  private static List<Long> timers(List<Effect> effects) {
    return effects.stream()
        .filter(e -> e instanceof Effect.ArmTimer)
        .map(e -> ((Effect.ArmTimer) e).timer())
        .toList();
  }

  private static Effect.SendRelease release(List<Effect> effects) {
    return (Effect.SendRelease)
        effects.stream().filter(e -> e instanceof Effect.SendRelease).findFirst().orElse(null);
  }

  @Test
  void firstOperationAsksForTheLeaseItNeeds() {
    assertThat(check(lock.onArrive(1, Kind.READ, Range.NONE)))
        .containsExactly(new Effect.SendAcquire(1, Mode.SHARED));
    assertThat(lock.state()).isEqualTo(State.ACQUIRING);
  }

  @Test
  void leaseThatRodeAlongIsParkedUntilSomebodyComes() {
    assertThat(lock.mayRide(4)).isTrue();
    assertThat(timers(check(lock.onRidden(4, Mode.EXCLUSIVE, T1, 7)))).hasSize(1);
    assertThat(lock.state()).isEqualTo(State.PARKED);
    assertThat(lock.mayRide(5)).isFalse();
    assertThat(write(1, A)).contains(new Effect.Start(1, 4, T1, 1, 7));
    assertThat(release(check(lock.onRecall(4)))).isNull();
    assertThat(release(done(1))).isEqualTo(new Effect.SendRelease(4, true));
  }

  @Test
  void noLeaseRidesToOneWhoAsksAlready() {
    write(1, A);
    assertThat(lock.mayRide(9)).isFalse();
  }

  @Test
  void grantStartsAllWhoDoNotOverlapInOrder() {
    write(1, A);
    write(2, B);
    write(3, A_TAIL);
    write(4, B);
    assertThat(grant())
        .containsExactly(new Effect.Start(1, 1, T1, 1, 7), new Effect.Start(2, 1, T1, 1, 7));
    assertThat(started(done(1))).containsExactly(3L);
    assertThat(started(done(2))).containsExactly(4L);
  }

  @Test
  void laterOverlapsDoNotOvertakeAWaiter() {
    write(1, A);
    grant();
    write(2, Range.ALL);
    assertThat(started(write(3, B))).isEmpty();
    assertThat(started(done(1))).containsExactly(2L);
    assertThat(started(done(2))).containsExactly(3L);
  }

  @Test
  void joiningAHeldLeaseSendsNothing() {
    write(1, A);
    grant();
    assertThat(write(2, B)).containsExactly(new Effect.Start(2, 1, T1, 1, 7));
  }

  @Test
  void readsNeverWaitForWritesOfTheirMount() {
    write(1, Range.ALL);
    grant();
    assertThat(started(check(lock.onArrive(2, Kind.READ, Range.NONE)))).containsExactly(2L);
  }

  @Test
  void withoutOwnersItIsParkedWithATimer() {
    write(1, A);
    grant();
    assertThat(done(1)).containsExactly(new Effect.ArmTimer(1, TimerKind.IDLE));
    assertThat(lock.state()).isEqualTo(State.PARKED);
  }

  @Test
  void arrivalAtAParkedLeaseCancelsTheTimerAndJoins() {
    write(1, A);
    grant();
    long timer = idleTimer();
    assertThat(write(2, A))
        .containsExactly(new Effect.CancelTimer(timer), new Effect.Start(2, 1, T1, 1, 7));
    assertThat(check(lock.onTimer(timer))).isEmpty();
    assertThat(lock.state()).isEqualTo(State.ACTIVE);
  }

  @Test
  void idleTimerReleasesAndHandsTheCycleToThePostOp() {
    write(1, A);
    grant();
    long timer = idleTimer();
    assertThat(check(lock.onTimer(timer)))
        .containsExactly(new Effect.PostOp(T1, 1), new Effect.SendRelease(1, true));
    assertThat(lock.state()).isEqualTo(State.RELEASING);
    check(lock.onReleased(1));
    assertThat(lock.isIdle()).isTrue();
  }

  @Test
  void leaseOfReadersIsReleasedWithoutAPostOp() {
    lock.onArrive(1, Kind.READ, Range.NONE);
    lock.onGranted(1, Token.NONE, 7);
    long timer = idleTimer();
    assertThat(check(lock.onTimer(timer))).containsExactly(new Effect.SendRelease(1, true));
  }

  @Test
  void recallOfAParkedLeaseSetsReleaseInTheSameTransition() {
    write(1, A);
    grant();
    done(1);
    assertThat(release(check(lock.onRecall(1)))).isNotNull();
    assertThat(lock.state()).isEqualTo(State.RELEASING);
  }

  @Test
  void recallLetsOwnersFinishAndNewOnesWaitForTheNextLease() {
    write(1, A);
    grant();
    check(lock.onRecall(1));
    assertThat(lock.state()).isEqualTo(State.DRAINING);
    assertThat(write(2, B)).isEmpty();
    assertThat(release(done(1))).isNotNull();
    assertThat(check(lock.onReleased(1)))
        .containsExactly(new Effect.SendAcquire(2, Mode.EXCLUSIVE));
    assertThat(started(check(lock.onGranted(2, T2, 7)))).containsExactly(2L);
  }

  @Test
  void waitersFromBeforeTheRecallAreServedUpToALimit() {
    write(0, Range.ALL);
    grant();
    for (long tx = 1; tx <= 2L * Drain.STARTS_MAX; tx++) {
      write(tx, Range.ALL);
    }
    check(lock.onRecall(1));
    int served = 0;
    long tx = 0;
    List<Effect> effects = done(tx);
    while (release(effects) == null) {
      tx = started(effects).get(0);
      served++;
      effects = done(tx);
    }
    assertThat(served).isEqualTo(Drain.STARTS_MAX);
    check(lock.onReleased(1));
    assertThat(started(grant())).containsExactly(tx + 1);
  }

  @Test
  void drainTimerSendsWaitersToTheNextLease() {
    write(1, Range.ALL);
    grant();
    write(2, Range.ALL);
    long timer = timers(check(lock.onRecall(1))).get(0);
    check(lock.onTimer(timer));
    assertThat(release(done(1))).isNotNull();
    check(lock.onReleased(1));
    assertThat(started(grant())).containsExactly(2L);
  }

  @Test
  void recallThatOvertakesTheGrantIsRemembered() {
    write(1, A);
    assertThat(check(lock.onRecall(1))).isEmpty();
    assertThat(started(grant())).containsExactly(1L);
    assertThat(lock.state()).isEqualTo(State.DRAINING);
    assertThat(release(done(1))).isNotNull();
  }

  @Test
  void earlyRecallWithNobodyLeftReleasesAtOnce() {
    write(1, A);
    check(lock.onRecall(1));
    assertThat(check(lock.onDeadline(1)))
        .containsExactly(new Effect.Fail(1, ErrorCode.LEASE_TIMEOUT));
    assertThat(release(grant())).isNotNull();
  }

  @Test
  void staleIdsDoNothing() {
    write(1, A);
    grant();
    assertThat(check(lock.onGranted(1, T2, 9))).isEmpty();
    assertThat(check(lock.onRecall(9))).isEmpty();
    assertThat(check(lock.onReleased(1))).isEmpty();
    assertThat(check(lock.onRefused(1, ErrorCode.IO_ERROR))).isEmpty();
    assertThat(check(lock.onTimer(0))).isEmpty();
    assertThat(check(lock.onReclaimRefused(3))).isEmpty();
    assertThat(lock.knows(9)).isFalse();
  }

  @Test
  void refusalFailsThoseWhoWaited() {
    write(1, A);
    write(2, A);
    assertThat(check(lock.onRefused(1, ErrorCode.SESSION_ENDED)))
        .containsExactly(
            new Effect.Fail(1, ErrorCode.SESSION_ENDED),
            new Effect.Fail(2, ErrorCode.SESSION_ENDED));
    assertThat(lock.isIdle()).isTrue();
  }

  @Test
  void unknownOutcomeOfAnAcquireIsReleased() {
    write(1, A);
    assertThat(check(lock.onRefused(1, ErrorCode.TIMED_OUT)))
        .containsExactly(new Effect.Fail(1, ErrorCode.TIMED_OUT), new Effect.SendRelease(1, true));
    check(lock.onReleased(1));
    assertThat(lock.isIdle()).isTrue();
  }

  @Test
  void staleLeaseIsAskedForAgainWithAHigherId() {
    write(1, A);
    assertThat(check(lock.onRefused(1, ErrorCode.STALE_LEASE)))
        .containsExactly(new Effect.SendAcquire(2, Mode.EXCLUSIVE));
    assertThat(started(grant())).containsExactly(1L);
  }

  @Test
  void writerUpgradesASharedLeaseAndReadersGoOn() {
    check(lock.onArrive(1, Kind.READ, Range.NONE));
    lock.onGranted(1, Token.NONE, 7);
    assertThat(write(2, A)).containsExactly(new Effect.SendAcquire(2, Mode.EXCLUSIVE));
    assertThat(check(lock.onArrive(3, Kind.READ, Range.NONE))).isEmpty();
    assertThat(started(check(lock.onGranted(2, T2, 7)))).containsExactly(2L, 3L);
    assertThat(lock.heldLease()).isEqualTo(2);
  }

  @Test
  void sharedLeaseIsGivenUpWhileTheUpgradeWaits() {
    check(lock.onArrive(1, Kind.READ, Range.NONE));
    lock.onGranted(1, Token.NONE, 7);
    write(2, A);
    assertThat(check(lock.onRecall(1))).isEmpty();
    assertThat(done(1)).containsExactly(new Effect.SendRelease(1, true));
    assertThat(lock.state()).isEqualTo(State.ACQUIRING);
    assertThat(check(lock.onReleased(1))).isEmpty();
    assertThat(started(check(lock.onGranted(2, T2, 7)))).containsExactly(2L);
  }

  @Test
  void refusedUpgradeKeepsReading() {
    check(lock.onArrive(1, Kind.READ, Range.NONE));
    lock.onGranted(1, Token.NONE, 7);
    write(2, A);
    check(lock.onArrive(3, Kind.READ, Range.NONE));
    assertThat(check(lock.onRefused(2, ErrorCode.IO_ERROR)))
        .containsExactly(
            new Effect.Fail(2, ErrorCode.IO_ERROR), new Effect.Start(3, 1, Token.NONE, 0, 7));
    assertThat(lock.held()).isEqualTo(Mode.SHARED);
  }

  @Test
  void upgradeOfUnknownOutcomeReleasesBothIds() {
    check(lock.onArrive(1, Kind.READ, Range.NONE));
    lock.onGranted(1, Token.NONE, 7);
    write(2, A);
    check(lock.onRefused(2, ErrorCode.TIMED_OUT));
    assertThat(done(1))
        .containsExactly(
            new Effect.CancelTimer(1),
            new Effect.SendRelease(2, true),
            new Effect.SendRelease(1, true));
  }

  @Test
  void failureOfOneFailsThatOneOnlyAndEndsUnclean() {
    write(1, A);
    write(2, B);
    grant();
    check(lock.onDone(1, Result.FAILED));
    assertThat(lock.state()).isEqualTo(State.DRAINING);
    assertThat(write(3, A)).isEmpty();
    assertThat(release(done(2)).clean()).isFalse();
  }

  @Test
  void taintedCycleIsLeftToSettling() {
    write(1, A);
    grant();
    assertThat(check(lock.onDone(1, Result.FAILED)))
        .containsExactly(new Effect.SendRelease(1, false));
  }

  @Test
  void readThatFailsTaintsNothing() {
    write(1, A);
    grant();
    check(lock.onArrive(2, Kind.READ, Range.NONE));
    check(lock.onDone(2, Result.FAILED));
    assertThat(lock.state()).isEqualTo(State.ACTIVE);
  }

  @Test
  void lostLeaseDropsTheBufferAndEndsUnclean() {
    check(lock.onArrive(1, Kind.HOLD, Range.ALL));
    grant();
    write(2, A);
    assertThat(check(lock.onLost())).contains(new Effect.Drop(1));
    assertThat(release(done(1)).clean()).isFalse();
    check(lock.onReleased(1));
    assertThat(started(grant())).containsExactly(2L);
  }

  @Test
  void fencedTransactionLosesTheLease() {
    write(1, A);
    grant();
    assertThat(release(check(lock.onDone(1, Result.LEASE_LOST))).clean()).isFalse();
  }

  @Test
  void refusedReclaimIsALoss() {
    write(1, A);
    grant();
    done(1);
    assertThat(release(check(lock.onReclaimRefused(1))).clean()).isFalse();
  }

  @Test
  void recallMakesAHoldWriteBackAndItsFlushesStillRun() {
    check(lock.onArrive(1, Kind.HOLD, Range.ALL));
    grant();
    assertThat(check(lock.onRecall(1))).contains(new Effect.WriteBack(1));
    assertThat(check(lock.onArriveUnder(1, 2))).containsExactly(new Effect.Start(2, 1, T1, 1, 7));
    assertThat(release(done(1))).isNull();
    assertThat(release(done(2))).isEqualTo(new Effect.SendRelease(1, true));
  }

  @Test
  void holdServedInADrainIsToldToWriteBack() {
    check(lock.onArrive(1, Kind.HOLD, Range.ALL));
    check(lock.onRecall(1));
    assertThat(grant()).startsWith(new Effect.Start(1, 1, T1, 0, 7), new Effect.WriteBack(1));
  }

  @Test
  void flushOnlyEndsTheCycle() {
    write(1, A);
    grant();
    done(1);
    assertThat(check(lock.onFlush())).containsExactly(new Effect.PostOp(T1, 1));
    assertThat(lock.state()).isEqualTo(State.PARKED);
  }

  @Test
  void arrivalDuringAPostOpJoinsUnderTheNextCycle() {
    write(1, A);
    grant();
    done(1);
    check(lock.onPostOpRequested());
    assertThat(write(2, A)).contains(new Effect.Start(2, 1, T1, 2, 7));
    assertThat(check(lock.onPostOpDone(1))).isEmpty();
    done(2);
    assertThat(check(lock.onPostOpRequested())).containsExactly(new Effect.PostOp(T1, 2));
  }

  @Test
  void postOpWaitsForTheLastTransactionOfItsCycle() {
    write(1, A);
    write(2, B);
    grant();
    assertThat(check(lock.onPostOpRequested())).isEmpty();
    write(3, new Range(40, 50));
    assertThat(done(1)).isEmpty();
    assertThat(done(3)).isEmpty();
    assertThat(done(2)).contains(new Effect.PostOp(T1, 1));
  }

  @Test
  void onePostOpAtATimeAndTheNextIsRemembered() {
    write(1, A);
    grant();
    check(lock.onPostOpRequested());
    write(2, B);
    assertThat(check(lock.onPostOpRequested())).isEmpty();
    assertThat(done(1)).containsExactly(new Effect.PostOp(T1, 1));
    done(2);
    assertThat(check(lock.onPostOpDone(1))).containsExactly(new Effect.PostOp(T1, 2));
  }

  @Test
  void cleanCycleNeedsNoPostOp() {
    check(lock.onArrive(1, Kind.READ, Range.NONE));
    lock.onGranted(1, Token.NONE, 7);
    assertThat(check(lock.onPostOpRequested())).isEmpty();
  }

  @Test
  void releaseDoesNotWaitForThePostOp() {
    write(1, A);
    grant();
    done(1);
    check(lock.onPostOpRequested());
    assertThat(check(lock.onRecall(1))).contains(new Effect.SendRelease(1, true));
    assertThat(check(lock.onPostOpDone(1))).isEmpty();
  }

  @Test
  void whoIsPromotedCarriesTheNewestEpoch() {
    write(1, A);
    grant();
    write(2, A);
    check(lock.onConfigChanged(9));
    assertThat(done(1)).contains(new Effect.Start(2, 1, T1, 1, 9));
    check(lock.onConfigChanged(8));
    assertThat(write(3, B)).contains(new Effect.Start(3, 1, T1, 1, 9));
  }

  @Test
  void deadlineOfAWaiterLetsThoseBehindItRun() {
    write(1, A);
    grant();
    write(2, Range.ALL);
    write(3, B);
    assertThat(check(lock.onDeadline(2)))
        .containsExactly(
            new Effect.Fail(2, ErrorCode.LEASE_TIMEOUT), new Effect.Start(3, 1, T1, 1, 7));
    assertThat(check(lock.onDeadline(1))).isEmpty();
  }

  @Test
  void copyGoesItsOwnWay() {
    write(1, A);
    grant();
    EagerLock copy = lock.copy();
    assertThat(copy).hasToString(lock.toString());
    copy.onDone(1, Result.OK);
    assertThat(lock.state()).isEqualTo(State.ACTIVE);
  }

  /**
   * The six steps of GlusterFS #4425 (study section 2.1): a flush wakes the parked transaction
   * while another thread writes. Here no second lease is ever asked for, and none is left.
   */
  @Test
  void sixStepsOfTheAfrRaceLeaveOneLeaseAndNoneAtTheEnd() {
    List<Effect> all = new ArrayList<>();
    all.addAll(write(1, A));
    all.addAll(grant());
    List<Effect> parked = done(1);
    all.addAll(parked);
    all.addAll(check(lock.onFlush()));
    all.addAll(write(2, B));
    all.addAll(check(lock.onPostOpDone(1)));
    List<Effect> parkedAgain = done(2);
    all.addAll(parkedAgain);
    all.addAll(check(lock.onTimer(timers(parked).get(0))));
    all.addAll(check(lock.onTimer(timers(parkedAgain).get(0))));
    all.addAll(check(lock.onReleased(1)));
    assertThat(all.stream().filter(e -> e instanceof Effect.SendAcquire)).hasSize(1);
    assertThat(all.stream().filter(e -> e instanceof Effect.SendRelease)).hasSize(1);
    assertThat(lock.isIdle()).isTrue();
  }

  @Test
  void afrBeforeItsFixBreaksTheInvariantInTheThirdStep() {
    EagerLock before = new EagerLock(0, AfrRules.BEFORE);
    before.onArrive(1, Kind.WRITE, A);
    before.onGranted(1, T1, 7);
    before.onDone(1, Result.OK);
    before.checkInvariant();
    before.onFlush();
    assertThatThrownBy(before::checkInvariant)
        .isInstanceOf(BrokenInvariant.class)
        .hasMessageContaining("held without owners, timer or release");
  }

  @Test
  void afrBeforeItsFixAsksForASecondLease() {
    EagerLock before = new EagerLock(0, AfrRules.BEFORE);
    before.onArrive(1, Kind.WRITE, A);
    before.onGranted(1, T1, 7);
    before.onDone(1, Result.OK);
    before.onFlush();
    assertThat(before.onArrive(2, Kind.WRITE, B))
        .containsExactly(new Effect.SendAcquire(2, Mode.EXCLUSIVE));
    before.onGranted(2, T2, 7);
    assertThat(before.knows(1)).isFalse();
  }

  @Test
  void afrAfterItsFixReleasesWhereWeKeepTheLease() {
    EagerLock after = new EagerLock(0, AfrRules.AFTER);
    after.onArrive(1, Kind.WRITE, A);
    after.onGranted(1, T1, 7);
    after.onDone(1, Result.OK);
    assertThat(after.onFlush()).contains(new Effect.SendRelease(1, true));
    after.checkInvariant();
  }

  @Test
  void keysAreEqualWhateverCameBefore() {
    write(1, A);
    grant();
    done(1);
    String parked = lock.key();
    write(1, A);
    assertThat(lock.key()).isNotEqualTo(parked);
    done(1);
    assertThat(lock.key()).isEqualTo(parked);
    assertThat(lock.copy().key()).isEqualTo(parked);
  }

  /**
   * Nobody knows whether the upgrade was granted. If it was, it stands at lockd in the place of the
   * shared lease, under which a reader still runs: whoever says that it is not known here ends
   * both.
   */
  @Test
  void upgradeWhoseAnswerNeverCameIsOursUntilItIsReleased() {
    lock.onArrive(1, Kind.READ, Range.NONE);
    lock.onGranted(1, Token.NONE, 1);
    lock.onArrive(2, Kind.WRITE, Range.ALL);
    lock.onRefused(2, ErrorCode.TIMED_OUT);
    assertThat(lock.state()).isEqualTo(State.DRAINING);
    assertThat(lock.knows(2)).isTrue();
    assertThat(lock.onRecall(2)).as("the reader runs").isEmpty();
    assertThat(lock.onDone(1, Result.OK))
        .contains(new Effect.SendRelease(2, true), new Effect.SendRelease(1, true));
    assertThat(lock.knows(2)).isTrue();
    lock.onReleased(1);
    assertThat(lock.knows(2)).isFalse();
  }
}
