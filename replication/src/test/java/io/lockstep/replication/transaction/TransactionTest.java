package io.lockstep.replication.transaction;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Facts about {@link Transaction}: a set of three members, written like RW RW WO. */
class TransactionTest {
  static SetConfig config(long epoch, MemberMode... modes) {
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < modes.length; i++) {
      members.add(new Member(i + 1, new UUID(0, i + 1), modes[i], 100 + i));
    }
    return new SetConfig(9, epoch, 2, true, members);
  }

  private static final SetConfig ALL = config(5, MemberMode.RW, MemberMode.RW, MemberMode.RW);
  private static final SetConfig WITHOUT_3 =
      config(6, MemberMode.RW, MemberMode.RW, MemberMode.ERR);

  private static Effect.Done done(ErrorCode code, SetConfig config) {
    return new Effect.Done(code, false, true, config.epoch(), config.absent());
  }

  private static Transaction begun(SetConfig config) {
    Transaction transaction = new Transaction(config);
    transaction.begin();
    return transaction;
  }

  @Test
  void goesToEveryWriterAtTheEpochWithTheAbsent() {
    assertThat(
            new Transaction(config(5, MemberMode.RW, MemberMode.ERR, MemberMode.WO, MemberMode.RW))
                .begin())
        .containsExactly(
            new Effect.Send(1, 1, 5, List.of(2)),
            new Effect.Send(1, 3, 5, List.of(2)),
            new Effect.Send(1, 4, 5, List.of(2)));
  }

  @Test
  void doneWhenAllHaveAnswered() {
    Transaction transaction = begun(ALL);
    assertThat(transaction.onReply(1, 1, ErrorCode.OK, null)).isEmpty();
    assertThat(transaction.onReply(1, 3, ErrorCode.OK, null)).isEmpty();
    assertThat(transaction.onReply(1, 2, ErrorCode.OK, null))
        .containsExactly(done(ErrorCode.OK, ALL));
    assertThat(transaction.isDone()).isTrue();
  }

  @Test
  void failureOfOneIsReportedThenSentAgainToTheRest() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.OK, null);
    transaction.onReply(1, 3, ErrorCode.TIMED_OUT, null);
    assertThat(transaction.onReply(1, 2, ErrorCode.OK, null))
        .containsExactly(new Effect.Report(5, 3, 102, ErrorCode.TIMED_OUT));
    assertThat(transaction.onReportAnswered(3, ErrorCode.OK, WITHOUT_3))
        .containsExactly(
            new Effect.Send(2, 1, 6, List.of(3)), new Effect.Send(2, 2, 6, List.of(3)));
    transaction.onReply(2, 1, ErrorCode.OK, null);
    assertThat(transaction.onReply(2, 2, ErrorCode.OK, null))
        .containsExactly(done(ErrorCode.OK, WITHOUT_3));
  }

  @Test
  void writeOnlyMemberIsNeededLikeTheOthers() {
    Transaction transaction = begun(config(5, MemberMode.RW, MemberMode.RW, MemberMode.WO));
    transaction.onReply(1, 1, ErrorCode.OK, null);
    transaction.onReply(1, 2, ErrorCode.OK, null);
    assertThat(transaction.onReply(1, 3, ErrorCode.IO_ERROR, null))
        .containsExactly(new Effect.Report(5, 3, 102, ErrorCode.IO_ERROR));
  }

  @Test
  void answersOfAnOldRoundDoNotCount() {
    Transaction transaction = begun(ALL);
    transaction.onConfig(WITHOUT_3);
    assertThat(transaction.onReply(1, 1, ErrorCode.OK, null)).isEmpty();
    assertThat(transaction.onReply(1, 2, ErrorCode.OK, null)).isEmpty();
    assertThat(transaction.isDone()).isFalse();
  }

  @Test
  void olderConfigurationChangesNothing() {
    Transaction transaction = begun(WITHOUT_3);
    assertThat(transaction.onConfig(ALL)).isEmpty();
  }

  @Test
  void staleEpochSendsAgainAtTheNewOne() {
    Transaction transaction = begun(ALL);
    assertThat(transaction.onReply(1, 2, ErrorCode.STALE_EPOCH, WITHOUT_3))
        .containsExactly(
            new Effect.Send(2, 1, 6, List.of(3)), new Effect.Send(2, 2, 6, List.of(3)));
  }

  @Test
  void staleEpochWithoutConfigurationAsksTheMaster() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.STALE_EPOCH, null);
    transaction.onReply(1, 2, ErrorCode.OK, null);
    assertThat(transaction.onReply(1, 3, ErrorCode.OK, null))
        .containsExactly(new Effect.FetchConfig(), new Effect.Pause(1));
  }

  @ParameterizedTest
  @EnumSource(
      value = ErrorCode.class,
      names = {"BUSY", "SET_CLOSED", "NO_REPLICA", "CLOSING", "NOT_READABLE"})
  void refusalsBlameNobodyAndAreTriedAgain(ErrorCode refusal) {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.OK, null);
    transaction.onReply(1, 2, refusal, null);
    assertThat(transaction.onReply(1, 3, ErrorCode.OK, null))
        .contains(new Effect.Pause(1))
        .noneMatch(effect -> effect instanceof Effect.Report);
    assertThat(transaction.onPause(1)).containsExactly(new Effect.Send(2, 2, 5, List.of()));
    assertThat(transaction.onReply(2, 2, ErrorCode.OK, null))
        .containsExactly(done(ErrorCode.OK, ALL));
  }

  @Test
  void stalePauseDoesNothing() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.BUSY, null);
    transaction.onReply(1, 2, ErrorCode.OK, null);
    transaction.onReply(1, 3, ErrorCode.OK, null);
    transaction.onConfig(WITHOUT_3);
    assertThat(transaction.onPause(1)).isEmpty();
  }

  @Test
  void fencedMeansTheLeaseIsLost() {
    Transaction transaction = begun(ALL);
    assertThat(transaction.onReply(1, 1, ErrorCode.STALE_TOKEN, null))
        .containsExactly(new Effect.Done(ErrorCode.STALE_TOKEN, true, true, 5, List.of()));
  }

  @Test
  void failureOfAllBlamesNobody() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.IO_ERROR, null);
    transaction.onReply(1, 2, ErrorCode.IO_ERROR, null);
    assertThat(transaction.onReply(1, 3, ErrorCode.IO_ERROR, null))
        .containsExactly(done(ErrorCode.IO_ERROR, ALL));
  }

  @Test
  void allFullIsNoSpaceForTheWriter() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.NO_SPACE, null);
    transaction.onReply(1, 2, ErrorCode.TIMED_OUT, null);
    assertThat(transaction.onReply(1, 3, ErrorCode.NO_SPACE, null))
        .containsExactly(done(ErrorCode.NO_SPACE, ALL));
  }

  @Test
  void fullMinorityIsBlamedAndFullMajorityIsNot() {
    Transaction minority = begun(ALL);
    minority.onReply(1, 1, ErrorCode.OK, null);
    minority.onReply(1, 2, ErrorCode.NO_SPACE, null);
    assertThat(minority.onReply(1, 3, ErrorCode.OK, null))
        .containsExactly(new Effect.Report(5, 2, 101, ErrorCode.NO_SPACE));
    Transaction majority = begun(ALL);
    majority.onReply(1, 1, ErrorCode.OK, null);
    majority.onReply(1, 2, ErrorCode.NO_SPACE, null);
    assertThat(majority.onReply(1, 3, ErrorCode.NO_SPACE, null))
        .containsExactly(done(ErrorCode.NO_SPACE, ALL));
  }

  @Test
  void allConnectionsBrokenWaitsForAnotherConfiguration() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.DISCONNECTED, null);
    transaction.onReply(1, 2, ErrorCode.DISCONNECTED, null);
    assertThat(transaction.onReply(1, 3, ErrorCode.DISCONNECTED, null))
        .containsExactly(new Effect.FetchConfig(), new Effect.Pause(1));
  }

  @Test
  void refusedReportFailsTheWriteAndMarksNobody() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.OK, null);
    transaction.onReply(1, 2, ErrorCode.TIMED_OUT, null);
    transaction.onReply(1, 3, ErrorCode.TIMED_OUT, null);
    assertThat(transaction.onReportAnswered(2, ErrorCode.NOT_ENOUGH_REPLICAS, null))
        .containsExactly(done(ErrorCode.NOT_ENOUGH_REPLICAS, ALL));
  }

  @Test
  void reportIsRepeatedWhileTheMasterIsAway() {
    Transaction transaction = begun(ALL);
    transaction.onReply(1, 1, ErrorCode.OK, null);
    transaction.onReply(1, 2, ErrorCode.TIMED_OUT, null);
    transaction.onReply(1, 3, ErrorCode.OK, null);
    assertThat(transaction.onReportAnswered(2, ErrorCode.TIMED_OUT, null))
        .containsExactly(new Effect.Pause(1));
    assertThat(transaction.onPause(1))
        .containsExactly(new Effect.Report(5, 2, 101, ErrorCode.TIMED_OUT));
  }

  @Test
  void tooFewReplicasFailsAtOnceAndUnsent() {
    SetConfig few = config(5, MemberMode.RW, MemberMode.ERR, MemberMode.ERR);
    assertThat(new Transaction(few).begin())
        .containsExactly(
            new Effect.Done(ErrorCode.NOT_ENOUGH_REPLICAS, false, false, 5, List.of(2, 3)));
  }

  @Test
  void closedSetIsWaitedFor() {
    SetConfig closed = new SetConfig(9, 5, 2, false, ALL.members());
    Transaction transaction = new Transaction(closed);
    assertThat(transaction.begin()).containsExactly(new Effect.FetchConfig(), new Effect.Pause(1));
    assertThat(transaction.onPause(1))
        .containsExactly(new Effect.FetchConfig(), new Effect.Pause(2));
    assertThat(transaction.onConfig(WITHOUT_3)).hasSize(2);
    assertThat(transaction.onDeadline()).containsExactly(done(ErrorCode.TIMED_OUT, WITHOUT_3));
  }

  @Test
  void badRequestIsNotTriedAgain() {
    Transaction transaction = begun(ALL);
    assertThat(transaction.onReply(1, 1, ErrorCode.INVALID_ARGUMENT, null))
        .containsExactly(done(ErrorCode.INVALID_ARGUMENT, ALL));
  }

  @Test
  void nothingHappensAfterTheEnd() {
    Transaction transaction = begun(ALL);
    transaction.onDeadline();
    assertThat(transaction.onReply(1, 1, ErrorCode.OK, null)).isEmpty();
    assertThat(transaction.onConfig(WITHOUT_3)).isEmpty();
    assertThat(transaction.onPause(1)).isEmpty();
    assertThat(transaction.onDeadline()).isEmpty();
  }
}
