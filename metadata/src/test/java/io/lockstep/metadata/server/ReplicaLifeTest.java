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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Members fail and return, objects are settled and collected, as the daemons see it. */
class ReplicaLifeTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Token OLD = new Token(5, 1);
  private static final Token SEAL = new Token(5, 9);

  @TempDir Path directory;

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

  private static List<Integer> modes(SetConfigMessage config) {
    return config.getMembersList().stream().map(member -> member.getMode()).toList();
  }

  private static List<Integer> numbers(MemberMode... modes) {
    return List.of(modes).stream().map(MemberMode::number).toList();
  }

  /** The daemon that a member is on. */
  private static FakeDaemon daemon(MasterFixture master, SetConfigMessage config, int member) {
    return master.byAddress.get(config.getMembers(member - 1).getAddress());
  }

  @Test
  void failedMemberIsLoggedPushedAndReturnsHealed() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      master.renew(session.getSession());
      SetConfigMessage before = master.set("demo");
      FakeDaemon third = daemon(master, before, 3);
      third.setAway(true);

      SetConfigMessage failed =
          master.ok(report(before, 3, ErrorCode.DISCONNECTED)).getSetConfigs().getSets(0);
      assertThat(modes(failed)).isEqualTo(numbers(MemberMode.RW, MemberMode.RW, MemberMode.ERR));
      assertThat(failed.getEpoch()).isEqualTo(before.getEpoch() + 1);
      assertThat(master.pushes).extracting(Push::getSetConfig).contains(failed);

      third.restart();
      master.ok(third.registration());
      await().atMost(SOON).until(() -> third.isHealing(before.getSet()));
      SetConfigMessage healing = master.set("demo");
      assertThat(modes(healing)).isEqualTo(numbers(MemberMode.RW, MemberMode.RW, MemberMode.WO));
      assertThat(daemon(master, before, 1).epoch(before.getSet())).isEqualTo(healing.getEpoch());

      Request healed =
          Request.newBuilder()
              .setReportHealed(
                  ReportHealed.newBuilder()
                      .setSet(before.getSet())
                      .setEpoch(healing.getEpoch())
                      .setMember(3)
                      .setIncarnation(third.incarnation))
              .build();
      SetConfigMessage whole = master.ok(healed).getSetConfigs().getSets(0);
      assertThat(modes(whole)).isEqualTo(numbers(MemberMode.RW, MemberMode.RW, MemberMode.RW));
      assertThat(Replies.code(master.call(healed))).isEqualTo(ErrorCode.CONFLICT);
    }
  }

  @Test
  void memberWithAPendingMarkLeftIsNotHealed() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SetConfigMessage before = master.set("demo");
      long set = before.getSet();
      FakeDaemon third = daemon(master, before, 3);
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
      daemon(master, before, 1).call(mark, 1, (reply, payload) -> {});
      Request healed =
          Request.newBuilder()
              .setReportHealed(
                  ReportHealed.newBuilder()
                      .setSet(set)
                      .setEpoch(master.set("demo").getEpoch())
                      .setMember(3)
                      .setIncarnation(third.incarnation))
              .build();
      assertThat(Replies.code(master.call(healed))).isEqualTo(ErrorCode.CONFLICT);
      daemon(master, before, 1).clearPending(set, 77);
      master.ok(healed);
    }
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
    try (MasterFixture master = new MasterFixture(options, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage before = master.set("demo");
      long set = before.getSet();
      master.daemons.forEach(daemon -> daemon.setAway(true));
      daemon(master, before, 1).dirty(set, inode, OLD, 1, 10);
      daemon(master, before, 2).dirty(set, inode, OLD, 2, 20);
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
                  master.set("demo").getOpen()
                      && modes(master.set("demo"))
                          .equals(numbers(MemberMode.RW, MemberMode.RW, MemberMode.RW))
                      && master.set("demo").getMembers(0).getIncarnation() == 2);
      for (FakeDaemon daemon : master.daemons) {
        assertThat(daemon.state(set, inode).getSize()).isEqualTo(20);
        assertThat(daemon.state(set, inode).getDirty()).isFalse();
        // A holder that lives on is not fenced by this.
        assertThat(daemon.requests(Request.BodyCase.SEAL_OBJECT)).isEmpty();
      }
      assertThat(attributes(master, inode).getSize()).isEqualTo(20);
    }
  }

  private static Attributes attributes(MasterFixture master, long inode) {
    return master
        .ok(
            Request.newBuilder()
                .setGetAttributes(GetAttributes.newBuilder().setInode(inode))
                .build())
        .getAttributes()
        .getAttributes();
  }

  private static Request settle(long set, long inode) {
    return Request.newBuilder()
        .setSettleInode(
            SettleInode.newBuilder().setInode(inode).setSet(set).setToken(Convert.message(SEAL)))
        .build();
  }

  @Test
  void settledObjectIsSealedEqualCleanAndItsSizeIsKnown() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      daemon(master, config, 2).dirty(set, inode, OLD, 3, 4096);

      assertThat(Replies.code(master.callAsLockd(settle(set, inode)))).isEqualTo(ErrorCode.OK);

      for (FakeDaemon daemon : master.daemons) {
        assertThat(daemon.state(set, inode).getSize()).isEqualTo(4096);
        assertThat(daemon.state(set, inode).getDirty()).isFalse();
        assertThat(Convert.token(daemon.state(set, inode).getNewestToken())).isEqualTo(SEAL);
        // Also who had no mark: its heal may have heard of it from another.
        assertThat(daemon.requests(Request.BodyCase.CLEAR_DIRTY).get(0).getClearDirty())
            .matches(clear -> Convert.token(clear.getItems(0).getToken()).equals(OLD));
      }
      Attributes attributes = attributes(master, inode);
      assertThat(attributes.getSize()).isEqualTo(4096);
      assertThat(attributes.getMtime())
          .isEqualTo(daemon(master, config, 2).state(set, inode).getMtime());
    }
  }

  @Test
  void sizeIsKnownAfterALeaseThoughHealHasTakenTheLastMark() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      for (int member = 1; member <= 3; member++) {
        daemon(master, config, member).clean(set, inode, 4096);
      }

      assertThat(Replies.code(master.callAsLockd(settle(set, inode)))).isEqualTo(ErrorCode.OK);

      assertThat(attributes(master, inode).getSize()).isEqualTo(4096);
    }
  }

  /** cp -p sets the times of before after the last write, and the master has them. */
  @Test
  void timesOfACleanFileStayAsTheyWereChosen() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      Attributes made =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes();
      SetConfigMessage config = master.set("demo");
      for (int member = 1; member <= 3; member++) {
        daemon(master, config, member).clean(config.getSet(), made.getInode(), 0);
      }

      assertThat(Replies.code(master.callAsLockd(settle(config.getSet(), made.getInode()))))
          .isEqualTo(ErrorCode.OK);

      assertThat(attributes(master, made.getInode()).getMtime()).isEqualTo(made.getMtime());
    }
  }

  @Test
  void settlingMarksAMemberThatDoesNotAnswerAndLeavesPendingMarksForIt() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      daemon(master, config, 2).dirty(set, inode, OLD, 3, 4096);
      daemon(master, config, 3).setAway(true);

      assertThat(Replies.code(master.callAsLockd(settle(set, inode)))).isEqualTo(ErrorCode.OK);

      assertThat(modes(master.set("demo")))
          .isEqualTo(numbers(MemberMode.RW, MemberMode.RW, MemberMode.ERR));
      for (int member : List.of(1, 2)) {
        FakeDaemon daemon = daemon(master, config, member);
        assertThat(daemon.state(set, inode).getDirty()).isFalse();
        assertThat(daemon.state(set, inode).getPendingList())
            .anyMatch(mark -> mark.getMember() == 3);
      }
    }
  }

  @Test
  void settlingThatAMemberRefusedAtItsLastStepsIsTriedAgain() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      daemon(master, config, 3).setAway(true);
      for (Request.BodyCase step : List.of(Request.BodyCase.PRE_OP, Request.BodyCase.CLEAR_DIRTY)) {
        FakeDaemon left = daemon(master, config, 2);
        left.clearPending(set, inode);
        left.dirty(set, inode, OLD, 3, 4096);
        left.refuseOne(step);
        assertThat(Replies.code(master.callAsLockd(settle(set, inode)))).isEqualTo(ErrorCode.OK);
        assertThat(left.state(set, inode).getDirty()).as(step.name()).isFalse();
      }
    }
  }

  @Test
  void orphanedMarksAreSettledUnlessALeaseCoversThem() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long first =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      long second =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "b", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      FakeDaemon holder = daemon(master, config, 1);
      holder.dirty(set, first, OLD, 1, 10);
      holder.dirty(set, second, OLD, 1, 10);
      Request sweep =
          Request.newBuilder()
              .setSettleOrphans(
                  SettleOrphans.newBuilder()
                      .setSeal(Convert.message(SEAL))
                      .addCovered(
                          SettleOrphans.Covered.newBuilder()
                              .setInode(second)
                              .setToken(Convert.message(OLD))))
              .build();
      assertThat(Replies.code(master.callAsLockd(sweep))).isEqualTo(ErrorCode.OK);
      assertThat(holder.state(set, first).getDirty()).isFalse();
      assertThat(holder.state(set, second).getDirty()).isTrue();
    }
  }

  @Test
  void copyThatSettlingLeftHalfWayIsSettledFromAWholeOneOrKept() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      Request sweep =
          Request.newBuilder()
              .setSettleOrphans(SettleOrphans.newBuilder().setSeal(Convert.message(SEAL)))
              .build();
      daemon(master, config, 3).halfRepaired(set, inode);
      assertThat(Replies.code(master.callAsLockd(sweep))).isEqualTo(ErrorCode.OK);
      assertThat(daemon(master, config, 3).state(set, inode).getHalfRepaired()).isFalse();
      assertThat(daemon(master, config, 3).requests(Request.BodyCase.SETTLE_OBJECT).get(0))
          .matches(request -> request.getSettleObject().getSource() != 3);

      for (int member = 1; member <= 3; member++) {
        daemon(master, config, member).halfRepaired(set, inode);
      }
      assertThat(Replies.code(master.callAsLockd(sweep))).isEqualTo(ErrorCode.OK);
      for (int member = 1; member <= 3; member++) {
        assertThat(daemon(master, config, member).state(set, inode).getHalfRepaired()).isFalse();
      }
    }
  }

  @Test
  void sweepDoesNotWaitForADeadMember() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SetConfigMessage config = master.set("demo");
      daemon(master, config, 2).setAway(true);
      Request sweep =
          Request.newBuilder()
              .setSettleOrphans(SettleOrphans.newBuilder().setSeal(Convert.message(SEAL)))
              .build();
      assertThat(Replies.code(master.callAsLockd(sweep))).isEqualTo(ErrorCode.OK);
      assertThat(modes(master.set("demo")))
          .isEqualTo(numbers(MemberMode.RW, MemberMode.ERR, MemberMode.RW));
    }
  }

  private static Request unlink(MasterFixture master, SessionReply session, String name) {
    return master
        .mutation(session.getSession())
        .setRemoveEntry(
            RemoveEntry.newBuilder()
                .setParent(session.getRoot())
                .setName(ByteString.copyFromUtf8(name)))
        .build();
  }

  private static boolean exists(MasterFixture master, long inode) {
    Reply reply =
        master.call(
            Request.newBuilder()
                .setGetAttributes(GetAttributes.newBuilder().setInode(inode))
                .build());
    return Replies.isOk(reply);
  }

  @Test
  void removedFileLivesWhileItIsOpenThenItsObjectsGo() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      long inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", true))
              .getCreateInode()
              .getAttributes()
              .getInode();
      long closed =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "b", false))
              .getCreateInode()
              .getAttributes()
              .getInode();
      SetConfigMessage config = master.set("demo");
      long set = config.getSet();
      FakeDaemon third = daemon(master, config, 3);
      daemon(master, config, 1).dirty(set, inode, OLD, 1, 10);
      master.ok(unlink(master, session, "a"));
      master.ok(unlink(master, session, "b"));

      await().atMost(SOON).until(() -> !exists(master, closed));
      assertThat(exists(master, inode)).isTrue();
      third.setAway(true);
      master.ok(report(master.set("demo"), 3, ErrorCode.DISCONNECTED));
      master.ok(
          Request.newBuilder()
              .setSession(session.getSession())
              .setCloseInodes(CloseInodes.newBuilder().addInodes(inode))
              .build());
      await().atMost(SOON).until(() -> !daemon(master, config, 1).hasObject(set, inode));
      assertThat(exists(master, inode)).isFalse();
      assertThat(deletions(third, inode)).isZero();
      assertThat(forgotten(daemon(master, config, 1), inode)).isZero();

      // The absent member is told when it is back; only then the tombstones are forgotten.
      third.restart();
      master.ok(third.registration());
      await().atMost(SOON).until(() -> forgotten(daemon(master, config, 1), inode) > 0);
      assertThat(deletions(third, inode)).isPositive();
    }
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
    SessionReply session;
    long inode;
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      session = master.openSession("demo");
      inode =
          master
              .ok(master.create(session.getSession(), session.getRoot(), "a", true))
              .getCreateInode()
              .getAttributes()
              .getInode();
      master.ok(unlink(master, session, "a"));
    }
    MetadataServerOptions shortLives =
        MetadataServerOptions.single(directory, 0, "test")
            .withTimes(MasterFixture.SHORT_LIVES, MasterFixture.KEEPER_TIMES);
    try (MasterFixture master = new MasterFixture(shortLives, 3)) {
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
      assertThat(exists(master, inode)).isTrue();
      // Not renewed any more: with the session goes what only it had open.
      await().atMost(SOON).until(() -> !exists(master, inode));
      assertThat(master.toLockd).anyMatch(Request::hasSessionEnded);
    }
  }
}
