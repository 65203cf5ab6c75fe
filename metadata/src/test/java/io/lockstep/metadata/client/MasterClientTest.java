package io.lockstep.metadata.client;

import static io.lockstep.metadata.client.FakeMasters.BREAK;
import static io.lockstep.metadata.client.FakeMasters.VANISH;
import static io.lockstep.metadata.client.FakeMasters.fail;
import static io.lockstep.metadata.client.FakeMasters.leaderIs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.ManualAgent;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.wire.Replies;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.DeleteVolume;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RenewSessionReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetEpoch;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class MasterClientTest {
  private static final long MS = 1_000_000;
  private static final long S = 1_000 * MS;
  private static final long SESSION = 99;

  private final ManualAgent agent = new ManualAgent();
  private final FakeMasters masters = new FakeMasters(agent, MasterClientTest::answer);
  private final MasterClient client =
      new MasterClient(List.of("m1", "m2", "m3"), masters, agent, Times.DEFAULT, new Random(1));

  private final List<Long> renewed = new ArrayList<>();
  private final List<Push> pushed = new ArrayList<>();
  private final List<String> ended = new ArrayList<>();

  @Test
  void retryKeepsSessionAndSequence() throws Outcome {
    open();
    agent.settle();
    masters.next("m1", BREAK);
    masters.next("m2", fail(ErrorCode.BUSY), BREAK);
    masters.next("m3", VANISH);
    List<Reply> replies = link(10 * S);
    agent.advance(8_000);
    assertThat(Replies.isOk(only(replies))).isTrue();
    List<FakeMasters.Arrival> tries = masters.arrivals(BodyCase.LINK_INODE);
    assertThat(tries).hasSizeGreaterThan(2);
    assertThat(tries).allMatch(it -> it.request().getSession() == SESSION);
    assertThat(tries).allMatch(it -> it.request().getSequence() == 1);
  }

  @Test
  void lowWaterIsTheOldestOpenSequence() throws Outcome {
    open();
    masters.next("m1", VANISH);
    link(30 * S);
    link(30 * S);
    assertThat(last(BodyCase.LINK_INODE).getSequence()).isEqualTo(2);
    assertThat(last(BodyCase.LINK_INODE).getLowWater()).isEqualTo(1);
    agent.advance(3_000);
    link(30 * S);
    assertThat(last(BodyCase.LINK_INODE).getSequence()).isEqualTo(3);
    assertThat(last(BodyCase.LINK_INODE).getLowWater()).isEqualTo(3);
  }

  @Test
  void mutationThatWasGivenUpIsNeverExecutedLater() throws Outcome {
    open();
    masters.next("m1", VANISH);
    assertThat(Replies.code(onlyAfter(link(S), 1_100))).isEqualTo(ErrorCode.TIMED_OUT);
    link(S);
    assertThat(last(BodyCase.LINK_INODE).getLowWater()).isEqualTo(2);
  }

  @Test
  void sequencesStayWithinAWindow() {
    Sequences sequences = new Sequences(2);
    assertThat(sequences.tryOpen()).isEqualTo(1);
    assertThat(sequences.tryOpen()).isEqualTo(2);
    sequences.close(2);
    assertThat(sequences.tryOpen()).isEqualTo(3);
    assertThat(sequences.tryOpen()).isZero();
    sequences.close(1);
    assertThat(sequences.tryOpen()).isEqualTo(4);
    assertThat(sequences.lowWater()).isEqualTo(3);
  }

  @Test
  void queryHasASessionAndNoSequence() throws Outcome {
    open();
    stat(S);
    assertThat(last(BodyCase.GET_ATTRIBUTES).getSession()).isEqualTo(SESSION);
    assertThat(last(BodyCase.GET_ATTRIBUTES).getSequence()).isZero();
  }

  @Test
  void withoutASessionNothingIsNumbered() {
    link(S);
    assertThat(last(BodyCase.LINK_INODE).getSession()).isZero();
    assertThat(last(BodyCase.LINK_INODE).getSequence()).isZero();
  }

  @Test
  void hintOfTheLeaderIsFollowedAtOnce() {
    masters.next("m1", leaderIs("m9"));
    List<Reply> replies = stat(S);
    agent.settle();
    assertThat(Replies.isOk(only(replies))).isTrue();
    assertThat(client.leader()).isEqualTo("m9");
  }

  @Test
  void mastersThatPointAtEachOtherAreNotAskedInAFrenzy() {
    masters.answering(
        request -> leaderIs(client.leader().equals("m1") ? "m2" : "m1").apply(request));
    assertThat(Replies.code(onlyAfter(stat(2 * S), 2_100))).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(masters.arrivals).hasSizeBetween(4, 40);
  }

  @Test
  void nextInTurnIsAskedWhenOneIsAway() {
    masters.next("m1", BREAK);
    masters.next("m2", BREAK);
    assertThat(Replies.isOk(onlyAfter(stat(S), 600))).isTrue();
    assertThat(client.leader()).isEqualTo("m3");
  }

  @Test
  void callEndsWhenItsTimeIsOverAndSaysWhy() {
    masters.answering(BREAK);
    List<Reply> replies = stat(3 * S);
    agent.advance(2_999);
    assertThat(replies).isEmpty();
    agent.advance(1);
    assertThat(Replies.code(only(replies))).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(only(replies).getMessage()).contains("DISCONNECTED");
  }

  @Test
  void tryDoesNotOutliveItsPatience() {
    masters.next("m1", VANISH);
    List<Reply> replies = stat(30 * S);
    agent.advance(2_600);
    assertThat(Replies.isOk(only(replies))).isTrue();
  }

  /** It would be executed twice: nothing numbers it. */
  @Test
  void deletionOfAVolumeIsAskedForOnceHoweverLongItTakes() {
    masters.next("m1", VANISH);
    List<Reply> replies = new ArrayList<>();
    Request delete =
        Request.newBuilder().setDeleteVolume(DeleteVolume.newBuilder().setName("photos")).build();
    client.call(delete, 30 * S, (reply, payload) -> replies.add(reply));
    agent.advance(20_000);
    assertThat(replies).isEmpty();
    assertThat(masters.arrivals).hasSize(1);
    agent.advance(11_000);
    assertThat(Replies.code(only(replies))).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(masters.arrivals).hasSize(1);
  }

  @Test
  void wishForAVolumeIsRepeatedAsItIs() {
    masters.next("m1", VANISH, BREAK);
    List<Reply> replies = new ArrayList<>();
    CreateVolume create = CreateVolume.newBuilder().setName("photos").setWish(7).build();
    client.call(
        Request.newBuilder().setCreateVolume(create).build(),
        30 * S,
        (reply, payload) -> replies.add(reply));
    agent.advance(20_000);
    assertThat(Replies.isOk(only(replies))).isTrue();
    assertThat(masters.arrivals)
        .hasSizeGreaterThan(1)
        .allMatch(arrival -> arrival.request().getCreateVolume().equals(create));
  }

  @Test
  void refusalIsAnAnswer() {
    masters.next("m1", fail(ErrorCode.NOT_FOUND));
    assertThat(Replies.code(only(stat(S)))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(masters.arrivals).hasSize(1);
  }

  @Test
  void acquireIsRepeatedBeforeItsTryEndsSoThatItKeepsItsPlace() {
    masters.answering(VANISH);
    List<Reply> replies = acquire(30 * S);
    agent.advance(5_000);
    List<FakeMasters.Arrival> tries = masters.arrivals(BodyCase.ACQUIRE_LEASE);
    assertThat(tries).hasSize(2);
    assertThat(tries.get(0).timeoutNs()).isGreaterThan(5 * S);
    // The first try is answered though the second is under way: the grant is the same.
    tries.get(0).reply(granted());
    assertThat(only(replies).hasLeaseGrant()).isTrue();
    tries.get(1).reply(granted());
    agent.advance(60_000);
    assertThat(replies).hasSize(1);
    assertThat(masters.arrivals(BodyCase.ACQUIRE_LEASE)).hasSize(2);
  }

  @Test
  void acquireEndsWithLeaseTimeoutOnlyWhenItsOwnTimeIsOver() {
    masters.answering(fail(ErrorCode.LEASE_TIMEOUT));
    List<Reply> replies = acquire(3 * S);
    agent.advance(2_900);
    assertThat(replies).isEmpty();
    agent.advance(200);
    assertThat(Replies.code(only(replies))).isEqualTo(ErrorCode.LEASE_TIMEOUT);
  }

  @Test
  void sessionIsRenewedEverySecondAndCountsFromTheSending() throws Outcome {
    long beganNs = agent.nowNs();
    open();
    agent.advance(3_500);
    assertThat(renewed).containsExactly(beganNs, beganNs + S, beganNs + 2 * S, beganNs + 3 * S);
  }

  @Test
  void lateAnswerToARenewalCountsFromItsSendingAndNeverBack() throws Outcome {
    long beganNs = agent.nowNs();
    masters.next("m1", MasterClientTest::answer, VANISH);
    open();
    agent.advance(500);
    FakeMasters.Arrival first = masters.arrivals(BodyCase.RENEW_SESSION).get(0);
    assertThat(renewed).isEmpty();
    agent.advance(1_000);
    assertThat(renewed).containsExactly(beganNs + S);
    first.reply(answer(first.request()));
    agent.settle();
    assertThat(renewed).containsExactly(beganNs + S);
  }

  @Test
  void failedRenewalIsTriedAgainSoonAndElsewhere() throws Outcome {
    open();
    agent.settle();
    masters.next("m1", BREAK);
    agent.advance(1_600);
    assertThat(renewed).hasSize(2);
    assertThat(client.leader()).isEqualTo("m2");
    agent.advance(2_000);
    assertThat(renewed).hasSize(4);
  }

  @Test
  void newLeaderIsToldInPartsWhatIsOpen() throws Outcome {
    List<Long> inodes = LongStream.rangeClosed(1, 120_000).boxed().toList();
    client.setOpenInodes(() -> inodes);
    open();
    agent.settle();
    List<Request> told = new ArrayList<>();
    boolean[] complete = new boolean[1];
    masters.answering(
        request -> {
          told.add(request);
          complete[0] |= request.getRenewSession().getOpenInodesComplete();
          return renewedReply(!complete[0]);
        });
    agent.advance(1_000);
    assertThat(told).hasSize(4);
    assertThat(told).allMatch(request -> request.getSerializedSize() < 1 << 20);
    assertThat(told.stream().flatMap(it -> it.getRenewSession().getOpenInodesList().stream()))
        .containsExactlyElementsOf(inodes);
    assertThat(told).filteredOn(it -> it.getRenewSession().getOpenInodesComplete()).hasSize(1);
    agent.advance(1_000);
    assertThat(told).hasSize(5);
  }

  @Test
  void leaderThatChangesHalfWayIsToldAllAgain() throws Outcome {
    List<Long> inodes = LongStream.rangeClosed(1, 60_000).boxed().toList();
    client.setOpenInodes(() -> inodes);
    open();
    agent.settle();
    masters.next("m1", request -> renewedReply(true), BREAK);
    List<Long> told = new ArrayList<>();
    masters.answering(
        request -> {
          told.addAll(request.getRenewSession().getOpenInodesList());
          return renewedReply(!request.getRenewSession().getOpenInodesComplete());
        });
    agent.advance(1_900);
    assertThat(told).containsExactlyElementsOf(inodes);
  }

  @Test
  void emptySetOfOpenInodesIsToldToo() throws Outcome {
    open();
    agent.settle();
    masters.answering(request -> renewedReply(!request.getRenewSession().getOpenInodesComplete()));
    agent.advance(1_000);
    assertThat(last(BodyCase.RENEW_SESSION).getRenewSession().getOpenInodesComplete()).isTrue();
  }

  @Test
  void endOfTheSessionIsToldOnceAndEverythingIsRefused() throws Outcome {
    open();
    agent.settle();
    masters.answering(fail(ErrorCode.SESSION_ENDED));
    assertThat(Replies.code(only(stat(S)))).isEqualTo(ErrorCode.SESSION_ENDED);
    agent.advance(5_000);
    assertThat(ended).containsExactly("as told");
    int before = masters.arrivals.size();
    assertThat(Replies.code(only(stat(S)))).isEqualTo(ErrorCode.SESSION_ENDED);
    agent.advance(5_000);
    assertThat(masters.arrivals).hasSize(before);
  }

  @Test
  void renewalLearnsOfTheEndByItself() throws Outcome {
    open();
    agent.settle();
    masters.answering(fail(ErrorCode.SESSION_ENDED));
    agent.advance(1_000);
    assertThat(ended).hasSize(1);
  }

  @Test
  void pushReachesTheListenersOnTheAgent() throws Outcome {
    open();
    client.onPush(Push.getDefaultInstance());
    assertThat(pushed).isEmpty();
    agent.settle();
    assertThat(pushed).hasSize(1);
  }

  @Test
  void closedSessionIsNotRenewed() throws Outcome {
    open();
    agent.settle();
    client.closeSession();
    agent.settle();
    int before = masters.arrivals.size();
    assertThat(last(BodyCase.CLOSE_SESSION).getSession()).isEqualTo(SESSION);
    agent.advance(5_000);
    assertThat(masters.arrivals).hasSize(before);
    assertThat(ended).isEmpty();
  }

  @Test
  void askThrowsWhatIsRefused() {
    masters.next("m1", fail(ErrorCode.NOT_FOUND));
    assertThatThrownBy(() -> client.ask(statRequest(), S))
        .isInstanceOf(Outcome.class)
        .hasMessage("as told");
  }

  private void open() throws Outcome {
    client.addListener(
        new SessionEvents() {
          @Override
          public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
            renewed.add(sentNs);
          }

          @Override
          public void onPush(Push push) {
            pushed.add(push);
          }

          @Override
          public void onSessionEnded(String reason) {
            ended.add(reason);
          }
        });
    assertThat(client.openSession(OpenSession.getDefaultInstance(), S).getSession())
        .isEqualTo(SESSION);
    assertThat(client.session()).isEqualTo(SESSION);
  }

  private List<Reply> link(long timeoutNs) {
    return call(
        Request.newBuilder().setLinkInode(LinkInode.getDefaultInstance()).build(), timeoutNs);
  }

  private List<Reply> stat(long timeoutNs) {
    return call(statRequest(), timeoutNs);
  }

  private static Request statRequest() {
    return Request.newBuilder().setGetAttributes(GetAttributes.newBuilder().setInode(7)).build();
  }

  private List<Reply> acquire(long timeoutNs) {
    return call(
        Request.newBuilder().setAcquireLease(AcquireLease.newBuilder().setLease(1)).build(),
        timeoutNs);
  }

  private List<Reply> call(Request request, long timeoutNs) {
    List<Reply> replies = new ArrayList<>();
    client.call(request, timeoutNs, (reply, payload) -> replies.add(reply));
    return replies;
  }

  private Request last(BodyCase kind) {
    List<FakeMasters.Arrival> all = masters.arrivals(kind);
    return all.get(all.size() - 1).request();
  }

  private Reply onlyAfter(List<Reply> replies, long ms) {
    agent.advance(ms);
    return only(replies);
  }

  private static Reply only(List<Reply> replies) {
    assertThat(replies).hasSize(1);
    return replies.get(0);
  }

  private static Reply answer(Request request) {
    return switch (request.getBodyCase()) {
      case OPEN_SESSION ->
          Reply.newBuilder().setSession(SessionReply.newBuilder().setSession(SESSION)).build();
      case RENEW_SESSION -> renewedReply(false);
      default -> Replies.OK;
    };
  }

  private static Reply renewedReply(boolean wantsOpenInodes) {
    return Reply.newBuilder()
        .setRenewSession(
            RenewSessionReply.newBuilder().setWantsOpenInodes(wantsOpenInodes).setLockdTerm(4))
        .build();
  }

  private static Reply granted() {
    return Reply.newBuilder().setLeaseGrant(LeaseGrant.getDefaultInstance()).build();
  }
}
