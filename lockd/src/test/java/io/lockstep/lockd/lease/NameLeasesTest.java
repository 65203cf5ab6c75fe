package io.lockstep.lockd.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Directory leases: who is recalled by whose change, and what a change waits for. */
class NameLeasesTest {
  private static final long MS = 1_000_000;
  private static final NameLimits LIMITS =
      new NameLimits(1_000 * MS, 50 * MS, 100 * MS, 400 * MS, 2_000 * MS, 4, 8, 16);
  private static final long A = 1;
  private static final long B = 2;
  private static final long D = 10;

  private NameLeases leases = started(NameRules.PRODUCTION);
  private long nowNs;
  private long lastRequest;

  private static NameLeases started(NameRules rules) {
    NameLeases leases = new NameLeases(LIMITS, rules);
    leases.onStarted(List.of(), 0);
    return leases;
  }

  private List<Effect> change(long session, long... directories) {
    lastRequest++;
    List<Long> all = new ArrayList<>();
    for (long directory : directories) {
      all.add(directory);
    }
    return leases.onChange(lastRequest, session, all, nowNs + 30_000 * MS, nowNs);
  }

  private Effect answered(long request) {
    return new Effect.AnswerChange(request, ErrorCode.OK);
  }

  @Test
  void changeWithoutOtherHoldersIsAnsweredAtOnce() {
    assertThat(leases.tryGrant(A, D, 1, nowNs)).isTrue();
    assertThat(change(A, D)).containsExactly(answered(1));
    assertThat(change(B, 11)).containsExactly(answered(2));
    assertThat(leases.leases()).isEqualTo(1);
  }

  @Test
  void changeIsAnsweredWhenTheOtherHasLetGo() {
    leases.tryGrant(B, D, 7, nowNs);
    assertThat(change(A, D)).containsExactly(new Effect.RecallNames(B, D, 7));
    assertThat(leases.onRelease(B, D, 6)).isEmpty();
    assertThat(leases.onRelease(B, D, 7)).containsExactly(answered(1));
    assertThat(leases.onRelease(B, D, 7)).isEmpty();
    assertThat(leases.isRestless()).as("it cools down").isTrue();
  }

  @Test
  void recallNamesTheNewestOfSeveralGrants() {
    leases.tryGrant(B, D, 7, nowNs);
    leases.tryGrant(B, D, 9, nowNs);
    leases.tryGrant(B, D, 8, nowNs);
    assertThat(change(A, D)).containsExactly(new Effect.RecallNames(B, D, 9));
    assertThat(leases.onRelease(B, D, 9)).containsExactly(answered(1));
  }

  @Test
  void nothingIsGrantedOnADirectoryThatIsBeingChanged() {
    leases.tryGrant(B, D, 7, nowNs);
    change(A, D);
    assertThat(leases.tryGrant(A, D, 1, nowNs)).isFalse();
    assertThat(leases.tryGrant(B, D, 8, nowNs)).isFalse();
    leases.onRelease(B, D, 7);
    assertThat(leases.tryGrant(B, D, 8, nowNs)).as("just recalled").isFalse();
    nowNs += 50 * MS;
    assertThat(leases.tryGrant(B, D, 8, nowNs)).isTrue();
  }

  @Test
  void twoWhoChangeEachOthersDirectoryBothGoOn() {
    leases.tryGrant(A, D, 1, nowNs);
    leases.tryGrant(B, D, 2, nowNs);
    assertThat(change(A, D)).containsExactly(new Effect.RecallNames(B, D, 2));
    assertThat(change(B, D)).containsExactly(new Effect.RecallNames(A, D, 1));
    assertThat(leases.onRelease(A, D, 1)).containsExactly(answered(2));
    assertThat(leases.onRelease(B, D, 2)).containsExactly(answered(1));
  }

  @Test
  void endOfTheHoldersSessionLetsGo() {
    leases.tryGrant(B, D, 7, nowNs);
    leases.tryGrant(B, 11, 8, nowNs);
    change(A, D, 11);
    assertThat(leases.onSessionEnded(B)).containsExactly(answered(1));
    assertThat(leases.leases()).isZero();
    nowNs += 1_000 * MS;
    assertThat(leases.tryGrant(B, D, 9, nowNs)).as("granted to an ended session").isFalse();
  }

  @Test
  void recallIsRepeatedAndAStubbornHolderLosesItsSession() {
    leases.tryGrant(B, D, 7, nowNs);
    change(A, D);
    List<Effect> all = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      nowNs += 50 * MS;
      all.addAll(leases.onTick(nowNs));
    }
    assertThat(all).contains(new Effect.RecallNames(B, D, 7));
    assertThat(all)
        .contains(new Effect.AskEndSession(B, "directory 10 was recalled in vain"))
        .hasSizeLessThan(20);
  }

  @Test
  void changesOfANewTermWaitForThoseWhoMayHoldLeasesOfTheOldOne() {
    leases = new NameLeases(LIMITS);
    assertThat(change(A, D)).as("before the term").isEmpty();
    assertThat(leases.onStarted(Set.of(A, B), nowNs)).isEmpty();
    assertThat(leases.onTold(A)).isEmpty();
    assertThat(change(B, D)).as("only B has not told").containsExactly(answered(2));
    assertThat(leases.onTold(B)).containsExactly(answered(1));
  }

  @Test
  void graceEnds() {
    leases = new NameLeases(LIMITS);
    leases.onStarted(Set.of(A, B), nowNs);
    assertThat(change(A, D)).isEmpty();
    assertThat(leases.onTick(999 * MS)).isEmpty();
    assertThat(leases.onTick(1_000 * MS)).containsExactly(answered(1));
  }

  @Test
  void endOfTheTermSendsWaitersAway() {
    leases.tryGrant(B, D, 7, nowNs);
    change(A, D);
    assertThat(leases.onStopped())
        .containsExactly(new Effect.AnswerChange(1, ErrorCode.NOT_LEADER));
    assertThat(leases.tryGrant(A, 12, 2, nowNs)).isFalse();
  }

  @Test
  void boundsHold() {
    for (int i = 0; i < 4; i++) {
      assertThat(leases.tryGrant(B, i + 1L, i + 1L, nowNs)).isTrue();
    }
    assertThat(leases.tryGrant(B, 5, 5, nowNs)).isFalse();
    for (int i = 0; i < 8; i++) {
      change(A, 1);
    }
    assertThat(change(A, 1)).contains(new Effect.AnswerChange(lastRequest, ErrorCode.BUSY));
  }

  @Test
  void changeThatTimesOutIsNotAnsweredTwice() {
    leases.tryGrant(B, D, 7, nowNs);
    leases.onChange(1, A, List.of(D), 500 * MS, nowNs);
    assertThat(leases.onTick(600 * MS))
        .contains(new Effect.AnswerChange(1, ErrorCode.LEASE_TIMEOUT));
    assertThat(leases.onRelease(B, D, 7)).isEmpty();
  }

  // ---- each rule with its decision reversed: what goes wrong without it

  @Test
  void rowsShowThoseThatAChangeWaitsForFirst() {
    leases.tryGrant(A, 11, 1, nowNs);
    leases.tryGrant(B, D, 7, nowNs);
    nowNs += 5 * MS;
    change(A, D);
    assertThat(leases.rows(9, nowNs))
        .containsExactly(
            new NameLeases.Row(D, B, 7, true, 5 * MS, 1, 1),
            new NameLeases.Row(11, A, 1, false, 5 * MS, 1, 0));
    assertThat(leases.rows(1, nowNs)).extracting(NameLeases.Row::directory).containsExactly(D);
  }

  @Test
  void clearedLeaseIsRecalledUntilItIsLetGoAndNotGrantedMeanwhile() {
    leases.tryGrant(A, D, 1, nowNs);
    leases.tryGrant(B, D, 7, nowNs);
    List<NameLeases.Row> cleared = new ArrayList<>();
    assertThat(leases.onClear(B, 0, cleared, nowNs))
        .containsExactly(new Effect.RecallNames(B, D, 7));
    assertThat(cleared).containsExactly(new NameLeases.Row(D, B, 7, false, 0, 2, 0));
    assertThat(leases.tryGrant(B, D, 8, nowNs)).as("recalled by force").isFalse();
    assertThat(leases.tryGrant(A, D, 2, nowNs)).as("another session").isTrue();
    nowNs += 100 * MS;
    assertThat(leases.onTick(nowNs)).containsExactly(new Effect.RecallNames(B, D, 7));
    leases.onRelease(B, D, 7);
    nowNs += 400 * MS;
    assertThat(leases.onTick(nowNs)).isEmpty();
    assertThat(leases.isRestless()).isFalse();
    assertThat(leases.tryGrant(B, D, 8, nowNs)).isTrue();
  }

  @Test
  void holderThatDoesNotLetGoOfAClearedLeaseLosesItsSession() {
    leases.tryGrant(B, D, 7, nowNs);
    leases.onClear(0, 0, new ArrayList<>(), nowNs);
    nowNs += 2_000 * MS;
    assertThat(leases.onTick(nowNs))
        .anyMatch(effect -> effect instanceof Effect.AskEndSession it && it.session() == B);
    leases.onSessionEnded(B);
    assertThat(leases.rows(9, nowNs)).isEmpty();
  }

  @Test
  void clearByAgeSparesTheYoungerOnes() {
    leases.tryGrant(A, D, 1, nowNs);
    nowNs += 30 * MS;
    leases.tryGrant(B, D, 1, nowNs);
    assertThat(leases.onClear(0, 30 * MS, new ArrayList<>(), nowNs))
        .containsExactly(new Effect.RecallNames(A, D, 1));
  }

  @Test
  void mutantThatAnswersBeforeTheRecallIsAnsweredIsCaught() {
    NameRules hasty =
        new NameRules() {
          @Override
          boolean waitsForRecall() {
            return false;
          }
        };
    assertThat(staleAnswer(hasty)).isTrue();
    assertThat(staleAnswer(NameRules.PRODUCTION)).isFalse();
  }

  /** Whether a change is answered while another session still answers out of its lease. */
  private boolean staleAnswer(NameRules rules) {
    leases = started(rules);
    leases.tryGrant(B, D, 7, nowNs);
    return change(A, D).contains(answered(lastRequest));
  }

  @Test
  void mutantThatForgetsTheFormerTermIsCaught() {
    NameRules forgetful =
        new NameRules() {
          @Override
          boolean waitsForFormerTerm() {
            return false;
          }
        };
    assertThat(staleAnswerInNewTerm(forgetful)).isTrue();
    assertThat(staleAnswerInNewTerm(NameRules.PRODUCTION)).isFalse();
  }

  private boolean staleAnswerInNewTerm(NameRules rules) {
    leases = started(rules);
    leases.tryGrant(B, D, 7, nowNs);
    leases.onStarted(Set.of(A, B), nowNs);
    return change(A, D).contains(answered(lastRequest));
  }
}
