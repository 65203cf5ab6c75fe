package io.lockstep.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.metadata.catalogue.KeeperTimes;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.CloseInodes;
import io.lockstep.wire.message.ClusterStatus;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.OpenInode;
import io.lockstep.wire.message.PreOp;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RemoveEntry;
import io.lockstep.wire.message.RenewSession;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.ReportHealed;
import io.lockstep.wire.message.ReportMember;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SettleInode;
import io.lockstep.wire.message.SettleOrphans;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Members fail and return, objects are settled and collected, as the daemons see it. */
@Execution(ExecutionMode.CONCURRENT)
class ReplicaLifeTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Token OLD = new Token(5, 1);
  private static final Token SEAL = new Token(5, 9);

  @TempDir private Path directory;

  private MasterFixture master;
  private SessionReply session;

  /** The set of the volume as it was at first. */
  private SetConfigMessage before;

  private long set;

  /** A master, three daemons, the volume "demo" on them and a client of it. */
  private void start() throws Exception {
    start(
        MetadataServerOptions.single(directory, 0, "test")
            .withTimes(MasterFixture.TIMES, MasterFixture.KEEPER_TIMES));
  }

  private void start(MetadataServerOptions options) throws Exception {
    master = new MasterFixture(options, 3);
    master.createVolume("demo", 3);
    session = master.openSession("demo");
    before = now();
    set = before.getSet();
  }

  @AfterEach
  void close() throws Exception {
    if (master != null) {
      master.close();
    }
  }

  private SetConfigMessage now() {
    return master.set("demo");
  }

  private Attributes create(String name, boolean open) {
    return master
        .ok(master.create(session.getSession(), session.getRoot(), name, open))
        .getCreateInode()
        .getAttributes();
  }

  /** As lockd asks for it after an unclean end. */
  private void settle(long inode) {
    SettleInode settle =
        SettleInode.newBuilder()
            .setInode(inode)
            .setSet(set)
            .setToken(Convert.message(SEAL))
            .build();
    assertThat(
            Replies.code(master.callAsLockd(Request.newBuilder().setSettleInode(settle).build())))
        .isEqualTo(ErrorCode.OK);
  }

  /** As lockd asks for it now and then; the leases of these files speak for their marks. */
  private void sweep(long... covered) {
    SettleOrphans.Builder sweep = SettleOrphans.newBuilder().setSeal(Convert.message(SEAL));
    for (long inode : covered) {
      sweep.addCovered(
          SettleOrphans.Covered.newBuilder().setInode(inode).setToken(Convert.message(OLD)));
    }
    assertThat(
            Replies.code(master.callAsLockd(Request.newBuilder().setSettleOrphans(sweep).build())))
        .isEqualTo(ErrorCode.OK);
  }

  private Request healed(int member) {
    return Request.newBuilder()
        .setReportHealed(
            ReportHealed.newBuilder()
                .setSet(set)
                .setEpoch(now().getEpoch())
                .setMember(member)
                .setIncarnation(daemon(member).incarnation))
        .build();
  }

  private static Request report(SetConfigMessage config, int member, ErrorCode code) {
    return Request.newBuilder()
        .setReportMember(
            ReportMember.newBuilder()
                .setSet(config.getSet())
                .setEpoch(config.getEpoch())
                .setMember(member)
                .setIncarnation(config.getMembers(member - 1).getIncarnation())
                .setCode(code.number()))
        .build();
  }

  private static List<MemberMode> modes(SetConfigMessage config) {
    return config.getMembersList().stream()
        .map(member -> MemberMode.ofNumber(member.getMode()))
        .toList();
  }

  /** The daemon that a member is on. */
  private FakeDaemon daemon(int member) {
    return master.byAddress.get(before.getMembers(member - 1).getAddress());
  }

  @Test
  void failedMemberIsLoggedPushedAndReturnsHealed() throws Exception {
    start();
    master.renew(session.getSession());
    FakeDaemon third = daemon(3);
    third.setAway(true);

    SetConfigMessage failed =
        master.ok(report(before, 3, ErrorCode.DISCONNECTED)).getSetConfigs().getSets(0);
    assertThat(modes(failed)).containsExactly(MemberMode.RW, MemberMode.RW, MemberMode.ERR);
    assertThat(failed.getEpoch()).isEqualTo(before.getEpoch() + 1);
    assertThat(master.pushes).extracting(Push::getSetConfig).contains(failed);

    third.restart();
    master.ok(third.registration());
    await().atMost(SOON).until(() -> third.isHealing(set));
    SetConfigMessage healing = now();
    assertThat(modes(healing)).containsExactly(MemberMode.RW, MemberMode.RW, MemberMode.WO);
    assertThat(daemon(1).epoch(set)).isEqualTo(healing.getEpoch());

    Request healed = healed(3);
    SetConfigMessage whole = master.ok(healed).getSetConfigs().getSets(0);
    assertThat(modes(whole)).containsExactly(MemberMode.RW, MemberMode.RW, MemberMode.RW);
    assertThat(Replies.code(master.call(healed))).isEqualTo(ErrorCode.CONFLICT);
  }

  @Test
  void memberWithAPendingMarkLeftIsNotHealed() throws Exception {
    start();
    FakeDaemon third = daemon(3);
    third.restart();
    master.ok(third.registration());
    await().atMost(SOON).until(() -> third.isHealing(set));
    // What a write left on member 1 while member 3 was away.
    Request mark =
        Request.newBuilder()
            .setPreOp(
                PreOp.newBuilder()
                    .setContext(
                        ObjectContext.newBuilder()
                            .setSet(set)
                            .setInode(77)
                            .setToken(Convert.message(OLD))
                            .setCycle(1)
                            .addAbsent(3)))
            .build();
    daemon(1).call(mark, 1, (reply, payload) -> {});
    Request healed = healed(3);
    assertThat(Replies.code(master.call(healed))).isEqualTo(ErrorCode.CONFLICT);
    daemon(1).clearPending(set, 77);
    master.ok(healed);
  }

  @Test
  void setClosesWhenAllRestartAndOpensWhenItIsSettled() throws Exception {
    // Long enough that a busy machine is not taken for a master that stood still.
    KeeperTimes patient =
        new KeeperTimes(
            TimeUnit.SECONDS.toNanos(5),
            TimeUnit.MILLISECONDS.toNanos(500),
            TimeUnit.MILLISECONDS.toNanos(300),
            TimeUnit.SECONDS.toNanos(2),
            TimeUnit.MILLISECONDS.toNanos(300));
    MetadataServerOptions options =
        MetadataServerOptions.single(directory, 0, "test").withTimes(MasterFixture.TIMES, patient);
    start(options);
    long inode = create("a", false).getInode();
    master.daemons.forEach(daemon -> daemon.setAway(true));
    daemon(1).dirty(set, inode, OLD, 1, 10);
    daemon(2).dirty(set, inode, OLD, 2, 20);
    await()
        .atMost(SOON)
        .until(
            () ->
                master
                    .ok(
                        Request.newBuilder()
                            .setClusterStatus(ClusterStatus.getDefaultInstance())
                            .build())
                    .getClusterStatus()
                    .getDaemonsList()
                    .stream()
                    .noneMatch(daemon -> daemon.getAlive()));
    for (FakeDaemon daemon : master.daemons) {
      daemon.restart();
      master.ok(daemon.registration());
    }
    await()
        .atMost(SOON)
        .until(
            () ->
                now().getOpen()
                    && modes(now()).stream().allMatch(mode -> mode == MemberMode.RW)
                    && now().getMembers(0).getIncarnation() == 2);
    for (FakeDaemon daemon : master.daemons) {
      assertThat(daemon.state(set, inode).getSize()).isEqualTo(20);
      assertThat(daemon.state(set, inode).getDirty()).isFalse();
      // A holder that lives on is not fenced by this.
      assertThat(daemon.requests(Request.BodyCase.SEAL_OBJECT)).isEmpty();
    }
    assertThat(attributes(inode).getSize()).isEqualTo(20);
  }

  private Attributes attributes(long inode) {
    return master
        .ok(
            Request.newBuilder()
                .setGetAttributes(GetAttributes.newBuilder().setInode(inode))
                .build())
        .getAttributes()
        .getAttributes();
  }

  @Test
  void settledObjectIsSealedEqualCleanAndItsSizeIsKnown() throws Exception {
    start();
    long inode = create("a", false).getInode();
    daemon(2).dirty(set, inode, OLD, 3, 4096);

    settle(inode);

    for (FakeDaemon daemon : master.daemons) {
      assertThat(daemon.state(set, inode).getSize()).isEqualTo(4096);
      assertThat(daemon.state(set, inode).getDirty()).isFalse();
      assertThat(Convert.token(daemon.state(set, inode).getNewestToken())).isEqualTo(SEAL);
      // Also who had no mark: its heal may have heard of it from another.
      assertThat(daemon.requests(Request.BodyCase.CLEAR_DIRTY).get(0).getClearDirty())
          .matches(clear -> Convert.token(clear.getItems(0).getToken()).equals(OLD));
    }
    Attributes attributes = attributes(inode);
    assertThat(attributes.getSize()).isEqualTo(4096);
    assertThat(attributes.getMtime()).isEqualTo(daemon(2).state(set, inode).getMtime());
  }

  @Test
  void sizeIsKnownAfterALeaseThoughHealHasTakenTheLastMark() throws Exception {
    start();
    long inode = create("a", false).getInode();
    for (int member = 1; member <= 3; member++) {
      daemon(member).clean(set, inode, 4096);
    }

    settle(inode);

    assertThat(attributes(inode).getSize()).isEqualTo(4096);
  }

  /** cp -p sets the times of before after the last write, and the master has them. */
  @Test
  void timesOfACleanFileStayAsTheyWereChosen() throws Exception {
    start();
    Attributes made = create("a", false);
    for (int member = 1; member <= 3; member++) {
      daemon(member).clean(set, made.getInode(), 0);
    }

    settle(made.getInode());

    assertThat(attributes(made.getInode()).getMtime()).isEqualTo(made.getMtime());
  }

  @Test
  void settlingMarksAMemberThatDoesNotAnswerAndLeavesPendingMarksForIt() throws Exception {
    start();
    long inode = create("a", false).getInode();
    daemon(2).dirty(set, inode, OLD, 3, 4096);
    daemon(3).setAway(true);

    settle(inode);

    assertThat(modes(now())).containsExactly(MemberMode.RW, MemberMode.RW, MemberMode.ERR);
    for (int member : List.of(1, 2)) {
      FakeDaemon daemon = daemon(member);
      assertThat(daemon.state(set, inode).getDirty()).isFalse();
      assertThat(daemon.state(set, inode).getPendingList()).anyMatch(mark -> mark.getMember() == 3);
    }
  }

  @Test
  void settlingThatAMemberRefusedAtItsLastStepsIsTriedAgain() throws Exception {
    start();
    long inode = create("a", false).getInode();
    daemon(3).setAway(true);
    for (Request.BodyCase step : List.of(Request.BodyCase.PRE_OP, Request.BodyCase.CLEAR_DIRTY)) {
      FakeDaemon left = daemon(2);
      left.clearPending(set, inode);
      left.dirty(set, inode, OLD, 3, 4096);
      left.refuseOne(step);
      settle(inode);
      assertThat(left.state(set, inode).getDirty()).as(step.name()).isFalse();
    }
  }

  @Test
  void orphanedMarksAreSettledUnlessALeaseCoversThem() throws Exception {
    start();
    long first = create("a", false).getInode();
    long second = create("b", false).getInode();
    FakeDaemon holder = daemon(1);
    holder.dirty(set, first, OLD, 1, 10);
    holder.dirty(set, second, OLD, 1, 10);
    sweep(second);
    assertThat(holder.state(set, first).getDirty()).isFalse();
    assertThat(holder.state(set, second).getDirty()).isTrue();
  }

  @Test
  void copyThatSettlingLeftHalfWayIsSettledFromAWholeOneOrKept() throws Exception {
    start();
    long inode = create("a", false).getInode();
    daemon(3).halfRepaired(set, inode);
    sweep();
    assertThat(daemon(3).state(set, inode).getHalfRepaired()).isFalse();
    assertThat(daemon(3).requests(Request.BodyCase.SETTLE_OBJECT).get(0))
        .matches(request -> request.getSettleObject().getSource() != 3);

    for (int member = 1; member <= 3; member++) {
      daemon(member).halfRepaired(set, inode);
    }
    sweep();
    for (int member = 1; member <= 3; member++) {
      assertThat(daemon(member).state(set, inode).getHalfRepaired()).isFalse();
    }
  }

  @Test
  void sweepDoesNotWaitForADeadMember() throws Exception {
    start();
    daemon(2).setAway(true);
    sweep();
    assertThat(modes(now())).containsExactly(MemberMode.RW, MemberMode.ERR, MemberMode.RW);
  }

  private Request unlink(String name) {
    return master
        .mutation(session.getSession())
        .setRemoveEntry(
            RemoveEntry.newBuilder()
                .setParent(session.getRoot())
                .setName(ByteString.copyFromUtf8(name)))
        .build();
  }

  private boolean exists(long inode) {
    Reply reply =
        master.call(
            Request.newBuilder()
                .setGetAttributes(GetAttributes.newBuilder().setInode(inode))
                .build());
    return Replies.isOk(reply);
  }

  @Test
  void removedFileLivesWhileItIsOpenThenItsObjectsGo() throws Exception {
    start();
    long inode = create("a", true).getInode();
    long closed = create("b", false).getInode();
    FakeDaemon third = daemon(3);
    daemon(1).dirty(set, inode, OLD, 1, 10);
    master.ok(unlink("a"));
    master.ok(unlink("b"));

    await().atMost(SOON).until(() -> !exists(closed));
    assertThat(exists(inode)).isTrue();
    third.setAway(true);
    master.ok(report(now(), 3, ErrorCode.DISCONNECTED));
    master.ok(
        Request.newBuilder()
            .setSession(session.getSession())
            .setCloseInodes(CloseInodes.newBuilder().addInodes(inode))
            .build());
    await().atMost(SOON).until(() -> !daemon(1).hasObject(set, inode));
    assertThat(exists(inode)).isFalse();
    assertThat(deletions(third, inode)).isZero();
    assertThat(forgotten(daemon(1), inode)).isZero();

    // The absent member is told when it is back; only then the tombstones are forgotten.
    third.restart();
    master.ok(third.registration());
    await().atMost(SOON).until(() -> forgotten(daemon(1), inode) > 0);
    assertThat(deletions(third, inode)).isPositive();
  }

  private static long deletions(FakeDaemon daemon, long inode) {
    return daemon.requests(Request.BodyCase.DELETE_OBJECTS).stream()
        .filter(request -> request.getDeleteObjects().getInodesList().contains(inode))
        .count();
  }

  private static long forgotten(FakeDaemon daemon, long inode) {
    return daemon.requests(Request.BodyCase.FORGET_TOMBSTONES).stream()
        .filter(request -> request.getForgetTombstones().getInodesList().contains(inode))
        .count();
  }

  @Test
  void newLeaderCollectsNothingBeforeEverySessionToldWhatIsOpen() throws Exception {
    start();
    long inode = create("a", true).getInode();
    master.ok(unlink("a"));
    MetadataServerOptions shortLives =
        MetadataServerOptions.single(directory, 0, "test")
            .withTimes(MasterFixture.SHORT_LIVES, MasterFixture.KEEPER_TIMES);
    master.close();
    master = new MasterFixture(shortLives, 3);
    Reply renewed = master.renew(session.getSession());
    assertThat(renewed.getRenewSession().getWantsOpenInodes()).isTrue();
    Request open =
        Request.newBuilder()
            .setSession(session.getSession())
            .setOpenInode(OpenInode.newBuilder().setInode(inode))
            .build();
    assertThat(Replies.code(master.call(open))).isEqualTo(ErrorCode.STALE_HANDLE);
    Reply told =
        master.ok(
            Request.newBuilder()
                .setSession(session.getSession())
                .setRenewSession(
                    RenewSession.newBuilder().addOpenInodes(inode).setOpenInodesComplete(true))
                .build());
    assertThat(told.getRenewSession().getWantsOpenInodes()).isFalse();
    assertThat(exists(inode)).isTrue();
    // Not renewed any more: with the session goes what only it had open.
    await().atMost(SOON).until(() -> !exists(inode));
    assertThat(master.toLockd).anyMatch(Request::hasSessionEnded);
  }
}
