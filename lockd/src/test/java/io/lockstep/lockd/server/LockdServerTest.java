package io.lockstep.lockd.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.ManualAgent;
import io.lockstep.core.Times;
import io.lockstep.wire.Convert;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.AnswerQuery;
import io.lockstep.wire.message.ClearLeases;
import io.lockstep.wire.message.CondemnInode;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.ListLeases;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReclaimLeases;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.ReleaseLeases;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionEnded;
import io.lockstep.wire.message.SettleAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** lockd from message to message, with a master that answers as told, on virtual time. */
class LockdServerTest {
  private static final long A = 11;
  private static final long B = 12;
  private static final long FILE = 7;
  private static final long EPOCH = 5;

  private final ManualAgent agent = new ManualAgent();
  private final FakeMaster master = new FakeMaster();
  private final LockdServer lockd =
      new LockdServer(new LocalPeer(master), set -> EPOCH, agent, Times.DEFAULT);
  private final Peer asMaster = new LocalPeer(lockd);

  /** One connection of a client. */
  private final class Connection {
    final long session;
    final List<Push> pushes = new ArrayList<>();
    private final PeerIdentity identity;

    Connection(long session) {
      this.session = session;
      this.identity = new PeerIdentity("client", "h:" + session, session, 1, null, 0, pushes::add);
    }

    List<Reply> send(Request.Builder request) {
      List<Reply> replies = new ArrayList<>();
      lockd.onRequest(request.setSession(session).build(), Payload.EMPTY, to(replies::add));
      agent.settle();
      return replies;
    }

    Responder to(Consumer<Reply> onReply) {
      return new Responder() {
        @Override
        public void reply(Reply reply, Payload payload) {
          onReply.accept(reply);
        }

        @Override
        public PeerIdentity peer() {
          return identity;
        }
      };
    }

    /** So that lockd knows of the session. */
    void greet() {
      send(Request.newBuilder().setReleaseLeases(ReleaseLeases.getDefaultInstance()));
    }

    List<Reply> acquire(long lease, LeaseMode mode) {
      return send(
          Request.newBuilder()
              .setTimeoutMs(10_000)
              .setAcquireLease(
                  AcquireLease.newBuilder()
                      .setInode(FILE)
                      .setLease(lease)
                      .setMode(mode)
                      .setSet(3)));
    }

    List<Reply> release(long lease, boolean clean) {
      return send(
          Request.newBuilder()
              .setReleaseLease(
                  ReleaseLease.newBuilder().setInode(FILE).setLease(lease).setClean(clean)));
    }
  }

  private final Connection a = new Connection(A);
  private final Connection b = new Connection(B);

  @Test
  void grantCarriesTokenTermAttributesAndEpoch() {
    start();
    LeaseGrant grant = only(a.acquire(1, LeaseMode.EXCLUSIVE)).getLeaseGrant();
    assertThat(grant.getToken().getTerm()).isEqualTo(10);
    assertThat(grant.getLockdTerm()).isEqualTo(10);
    assertThat(grant.getAttributes().getSize()).isEqualTo(42);
    assertThat(grant.getEpoch()).isEqualTo(EPOCH);
    Request asked = master.asked(BodyCase.GET_ATTRIBUTES).get(0);
    assertThat(asked.getSession()).isEqualTo(A);
  }

  @Test
  void sharedGrantHasNoToken() {
    start();
    assertThat(only(a.acquire(1, LeaseMode.SHARED)).getLeaseGrant().hasToken()).isFalse();
  }

  @Test
  void waiterIsAnsweredWhenTheHolderLetsGoOnItsRecall() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> waiting = b.acquire(1, LeaseMode.EXCLUSIVE);
    assertThat(waiting).isEmpty();
    assertThat(a.pushes).hasSize(1);
    assertThat(a.pushes.get(0).getRecallLease().getLease()).isEqualTo(1);
    assertThat(Replies.isOk(only(a.release(1, true)))).isTrue();
    assertThat(only(waiting).hasLeaseGrant()).isTrue();
  }

  @Test
  void everyTryOfOneAcquireIsAnswered() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> first = b.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> second = b.acquire(1, LeaseMode.EXCLUSIVE);
    a.release(1, true);
    assertThat(only(first)).isEqualTo(only(second));
  }

  @Test
  void waiterIsRefusedWhenItsTimeIsOver() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> waiting = b.acquire(1, LeaseMode.EXCLUSIVE);
    agent.advance(10_100);
    assertThat(Replies.code(only(waiting))).isEqualTo(ErrorCode.LEASE_TIMEOUT);
  }

  @Test
  void recallFollowsTheSessionToItsNewConnection() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    lockd.onDisconnected(a.identity);
    agent.settle();
    b.acquire(1, LeaseMode.EXCLUSIVE);
    assertThat(a.pushes).isEmpty();
    Connection again = new Connection(A);
    again.release(99, true);
    agent.advance(1_100);
    assertThat(again.pushes).isNotEmpty();
  }

  @Test
  void recallFindsAnIdleHolderThatOnlyRenewsAfterAReconnect() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    lockd.onDisconnected(a.identity);
    Connection again = new Connection(A);
    List<Request> passed = new ArrayList<>();
    lockd
        .observing((request, payload, responder) -> passed.add(request))
        .onRequest(Request.newBuilder().setSession(A).build(), Payload.EMPTY, again.to(r -> {}));
    assertThat(passed).hasSize(1);
    b.acquire(1, LeaseMode.EXCLUSIVE);
    assertThat(again.pushes).hasSize(1);
  }

  @Test
  void sessionThatTheMasterCallsEndedIsRefusedOnFirstSight() {
    start();
    master.refuse(BodyCase.GET_ATTRIBUTES, ErrorCode.SESSION_ENDED);
    Connection late = new Connection(3);
    assertThat(Replies.code(only(late.acquire(1, LeaseMode.EXCLUSIVE))))
        .isEqualTo(ErrorCode.SESSION_ENDED);
    master.obey();
    assertThat(only(late.acquire(1, LeaseMode.EXCLUSIVE)).hasLeaseGrant()).isTrue();
  }

  @Test
  void newSessionIsAskedForOnce() {
    start();
    Connection fresh = new Connection(13);
    fresh.greet();
    fresh.greet();
    assertThat(master.asked(BodyCase.GET_ATTRIBUTES)).hasSize(1);
  }

  @Test
  void uncleanReleaseIsSettledBeforeTheNextGrantAndRetried() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> waiting = b.acquire(1, LeaseMode.SHARED);
    master.refuse(BodyCase.SETTLE_INODE, ErrorCode.NOT_ENOUGH_REPLICAS);
    a.release(1, false);
    agent.advance(500);
    assertThat(master.asked(BodyCase.SETTLE_INODE)).hasSizeGreaterThan(1);
    assertThat(waiting).isEmpty();
    master.obey();
    agent.advance(2_000);
    assertThat(only(waiting).hasLeaseGrant()).isTrue();
  }

  @Test
  void endOfASessionSettlesItsFilesAndThenTheOrphans() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    int sweeps = master.asked(BodyCase.SETTLE_ORPHANS).size();
    List<Reply> replies = askAsMaster(sessionEnded(A));
    assertThat(Replies.isOk(only(replies))).isTrue();
    assertThat(master.asked(BodyCase.SETTLE_INODE)).hasSize(1);
    assertThat(master.asked(BodyCase.SETTLE_ORPHANS)).hasSize(sweeps + 1);
    assertThat(Replies.code(only(a.acquire(2, LeaseMode.EXCLUSIVE))))
        .isEqualTo(ErrorCode.SESSION_ENDED);
  }

  @Test
  void attributesOfAFreeFileAreRightWithoutAskingTheAgent() {
    start();
    agent.setFull(true);
    assertThat(Replies.isOk(only(settleAttributes(B)))).isTrue();
  }

  @Test
  void attributesOfAHeldFileWaitForTheHolder() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    assertThat(Replies.isOk(only(settleAttributes(A)))).isTrue();
    List<Reply> waiting = settleAttributes(B);
    assertThat(waiting).isEmpty();
    assertThat(a.pushes).hasSize(1);
    a.send(
        Request.newBuilder()
            .setAnswerQuery(
                AnswerQuery.newBuilder()
                    .setInode(FILE)
                    .setLease(1)
                    .setQuery(a.pushes.get(0).getQueryLease().getQuery())));
    assertThat(Replies.isOk(only(waiting))).isTrue();
  }

  @Test
  void condemnAnswersWithATokenNewerThanTheLast() {
    start();
    LeaseGrant before = only(a.acquire(1, LeaseMode.EXCLUSIVE)).getLeaseGrant();
    List<Reply> waiting = askAsMaster(condemn());
    assertThat(waiting).isEmpty();
    a.release(1, true);
    LeaseGrant grant = only(waiting).getLeaseGrant();
    assertThat(Convert.token(before.getToken()).isOlderThan(Convert.token(grant.getToken())))
        .isTrue();
  }

  @Test
  void clientMayNotAskWhatOnlyTheMasterMay() {
    start();
    assertThat(Replies.code(only(a.send(sessionEnded(B).toBuilder()))))
        .isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(Replies.code(only(a.send(condemn().toBuilder())))).isEqualTo(ErrorCode.BAD_REQUEST);
  }

  @Test
  void nonsenseIsRefused() {
    start();
    assertThat(Replies.code(only(a.acquire(0, LeaseMode.SHARED)))).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(Replies.code(only(a.acquire(1, LeaseMode.LEASE_MODE_UNKNOWN))))
        .isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(Replies.code(only(new Connection(0).acquire(1, LeaseMode.SHARED))))
        .isEqualTo(ErrorCode.BAD_REQUEST);
  }

  @Test
  void leaseOnAnInodeThatIsGoneIsGivenUp() {
    start();
    master.refuse(BodyCase.GET_ATTRIBUTES, ErrorCode.NOT_FOUND);
    assertThat(Replies.code(only(a.acquire(1, LeaseMode.EXCLUSIVE))))
        .isEqualTo(ErrorCode.STALE_HANDLE);
    master.obey();
    assertThat(only(b.acquire(1, LeaseMode.EXCLUSIVE)).hasLeaseGrant()).isTrue();
  }

  @Test
  void leaseStaysWhenTheMasterIsBusyAndTheRepeatIsAnswered() {
    start();
    master.refuse(BodyCase.GET_ATTRIBUTES, ErrorCode.NOT_LEADER);
    assertThat(Replies.code(only(a.acquire(1, LeaseMode.EXCLUSIVE)))).isEqualTo(ErrorCode.BUSY);
    master.obey();
    assertThat(b.acquire(1, LeaseMode.EXCLUSIVE)).isEmpty();
    assertThat(only(a.acquire(1, LeaseMode.EXCLUSIVE)).hasLeaseGrant()).isTrue();
  }

  @Test
  void startIsRetriedUntilItIsLogged() {
    master.refuse(BodyCase.START_LOCKD, ErrorCode.NOT_LEADER);
    lockd.start();
    agent.advance(1_000);
    assertThat(Replies.code(only(a.acquire(1, LeaseMode.SHARED)))).isEqualTo(ErrorCode.BUSY);
    master.obey();
    agent.advance(1_000);
    assertThat(only(a.acquire(1, LeaseMode.SHARED)).hasLeaseGrant()).isTrue();
  }

  @Test
  void startThatIsNeverAnsweredIsAskedAgain() {
    master.ignore(BodyCase.START_LOCKD);
    lockd.start();
    agent.settle();
    master.obey();
    agent.advance(16_000);
    assertThat(only(a.acquire(1, LeaseMode.SHARED)).hasLeaseGrant()).isTrue();
  }

  @Test
  void holderKeepsItsLeaseOverARestartOfLockd() {
    start();
    LeaseGrant grant = only(a.acquire(1, LeaseMode.EXCLUSIVE)).getLeaseGrant();
    master.setTerm(20, A);
    start();
    Connection newer = new Connection(21);
    List<Reply> waiting = newer.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> stat = settleAttributes(newer.session);
    assertThat(waiting).isEmpty();
    Reply reclaimed =
        only(
            a.send(
                Request.newBuilder()
                    .setReclaimLeases(
                        ReclaimLeases.newBuilder()
                            .setLast(true)
                            .addLeases(
                                ReclaimLeases.Item.newBuilder()
                                    .setInode(FILE)
                                    .setLease(1)
                                    .setMode(LeaseMode.EXCLUSIVE)
                                    .setToken(grant.getToken())
                                    .setSet(3)))));
    assertThat(reclaimed.getReclaim().getRefusedList()).isEmpty();
    assertThat(waiting).isEmpty();
    assertThat(stat).isEmpty();
    assertThat(a.pushes).anyMatch(Push::hasRecallLease).anyMatch(Push::hasQueryLease);
    a.release(1, true);
    assertThat(only(waiting).getLeaseGrant().getToken().getTerm()).isEqualTo(20);
    assertThat(Replies.isOk(only(stat))).isTrue();
  }

  @Test
  void stopTellsEverybodyToLookElsewhere() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> waiting = b.acquire(1, LeaseMode.EXCLUSIVE);
    lockd.stop();
    agent.settle();
    assertThat(Replies.code(only(waiting))).isEqualTo(ErrorCode.NOT_LEADER);
    assertThat(Replies.code(only(a.release(1, true)))).isEqualTo(ErrorCode.NOT_LEADER);
    assertThat(Replies.code(only(settleAttributes(B)))).isEqualTo(ErrorCode.NOT_LEADER);
    agent.advance(1_000);
  }

  @Test
  void answerOfTheMasterIsNeverDroppedForAFullInbox() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    master.refuse(BodyCase.SETTLE_INODE, ErrorCode.BUSY);
    a.release(1, false);
    master.obey();
    agent.setFull(true);
    agent.advance(3_000);
    agent.setFull(false);
    assertThat(only(b.acquire(1, LeaseMode.EXCLUSIVE)).hasLeaseGrant()).isTrue();
  }

  @Test
  void leasesAreListedWithHolderAndState() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    b.acquire(1, LeaseMode.SHARED);
    Reply reply = only(a.send(Request.newBuilder().setListLeases(ListLeases.newBuilder())));
    assertThat(reply.getListLeases().getRowsList())
        .extracting(LeaseRow::getState)
        .containsExactly("RECALLED", "WAITING");
    assertThat(reply.getListLeases().getRows(0).getHolder()).isEqualTo("h:11");
    Reply other =
        only(a.send(Request.newBuilder().setListLeases(ListLeases.newBuilder().setVolume(9))));
    assertThat(other.getListLeases().getRowsList()).isEmpty();
  }

  @Test
  void rowsNameTheHolderAndWhoIsInTheWay() {
    master.name(A, "host", 4711, "/mnt/a");
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    b.acquire(1, LeaseMode.SHARED);
    Reply reply = only(a.send(Request.newBuilder().setListLeases(ListLeases.newBuilder())));
    LeaseRow held = reply.getListLeases().getRows(0);
    assertThat(held.getHolder()).isEqualTo("host:4711 /mnt/a");
    assertThat(held.getPid()).isEqualTo(4711);
    assertThat(held.getMountPoint()).isEqualTo("/mnt/a");
    assertThat(held.getOwners()).isEqualTo(1);
    assertThat(held.getWaiters()).isEqualTo(1);
    assertThat(held.getWanted()).isEqualTo(LeaseMode.SHARED);
    assertThat(reply.getListLeases().getCountersMap())
        .containsEntry("grants", 1L)
        .containsEntry("recalls", 1L);
  }

  @Test
  void waitOverTheLimitIsCountedOnce() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    b.acquire(1, LeaseMode.SHARED);
    agent.advance(8_000);
    Reply reply = only(a.send(Request.newBuilder().setListLeases(ListLeases.newBuilder())));
    assertThat(reply.getListLeases().getCountersMap()).containsEntry("waits_over_limit", 1L);
  }

  @Test
  void clearEndsTheLeaseAndTellsItsHolder() {
    start();
    a.acquire(1, LeaseMode.EXCLUSIVE);
    List<Reply> waiting = b.acquire(1, LeaseMode.SHARED);
    a.pushes.clear();
    Request.Builder nothing = Request.newBuilder().setClearLeases(ClearLeases.newBuilder());
    assertThat(Replies.code(only(b.send(nothing)))).isEqualTo(ErrorCode.BAD_REQUEST);
    Reply reply =
        only(b.send(Request.newBuilder().setClearLeases(ClearLeases.newBuilder().setSession(A))));
    assertThat(reply.getClearLeases().getRowsList())
        .extracting(LeaseRow::getSession)
        .containsExactly(A);
    assertThat(a.pushes).hasSize(1);
    assertThat(a.pushes.get(0).getLeaseCleared().getLease()).isEqualTo(1);
    assertThat(master.asked(BodyCase.SETTLE_INODE)).hasSize(1);
    assertThat(waiting).as("before the holder knows").isEmpty();
    a.release(1, false);
    assertThat(only(waiting).hasLeaseGrant()).isTrue();
  }

  private void start() {
    lockd.start();
    agent.settle();
    a.greet();
    b.greet();
    master.asked.clear();
  }

  private List<Reply> askAsMaster(Request request) {
    List<Reply> replies = new ArrayList<>();
    asMaster.call(request, 10_000_000_000L, (reply, payload) -> replies.add(reply));
    agent.settle();
    return replies;
  }

  private List<Reply> settleAttributes(long session) {
    return askAsMaster(
        Request.newBuilder()
            .setSettleAttributes(SettleAttributes.newBuilder().setInode(FILE).setSession(session))
            .build());
  }

  private static Request sessionEnded(long session) {
    return Request.newBuilder()
        .setSessionEnded(SessionEnded.newBuilder().setSession(session))
        .build();
  }

  private static Request condemn() {
    return Request.newBuilder()
        .setCondemnInode(CondemnInode.newBuilder().setInode(FILE).setSet(3))
        .build();
  }

  private static Reply only(List<Reply> replies) {
    assertThat(replies).hasSize(1);
    return replies.get(0);
  }
}
