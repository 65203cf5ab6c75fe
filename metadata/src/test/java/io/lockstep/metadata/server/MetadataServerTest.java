package io.lockstep.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.SystemClock;
import io.lockstep.metadata.raft.GroupCommit;
import io.lockstep.metadata.raft.RaftOptions;
import io.lockstep.metadata.store.Durable;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.CloseSession;
import io.lockstep.wire.message.ClusterStatus;
import io.lockstep.wire.message.CreateVolume;
import io.lockstep.wire.message.DeleteVolume;
import io.lockstep.wire.message.EndSession;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.GetVolume;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.ReadDirectory;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.StartLockd;
import io.lockstep.wire.message.StatFilesystem;
import io.lockstep.wire.message.StatFilesystemReply;
import io.lockstep.wire.message.VolumeRow;
import io.lockstep.wire.message.Walk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A real master on a real directory, with daemons and a lockd that exist in memory only. */
@Execution(ExecutionMode.CONCURRENT)
class MetadataServerTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir Path directory;

  private static Request walk(SessionReply session, String name) {
    return Request.newBuilder()
        .setSession(session.getSession())
        .setWalk(
            Walk.newBuilder().setInode(session.getRoot()).addNames(ByteString.copyFromUtf8(name)))
        .build();
  }

  private static int entryCount(MasterFixture master, long directory) {
    ReadDirectoryReply page;
    int count = 0;
    long cursor = 0;
    do {
      page =
          master
              .ok(
                  Request.newBuilder()
                      .setReadDirectory(
                          ReadDirectory.newBuilder()
                              .setInode(directory)
                              .setCursor(cursor)
                              .setEntriesMax(500))
                      .build())
              .getReadDirectory();
      count += page.getEntriesCount();
      cursor = count == 0 ? 0 : page.getEntries(page.getEntriesCount() - 1).getCursor();
    } while (!page.getEnd());
    return count;
  }

  @Test
  void restartKeepsVolumesSessionsFilesAndAnswers() throws Exception {
    Request create;
    Reply first;
    SessionReply session;
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      session = master.openSession("demo");
      create = master.create(session.getSession(), session.getRoot(), "a", false);
      first = master.ok(create);
    }
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      assertThat(master.call(create)).isEqualTo(first);
      assertThat(master.ok(walk(session, "a")).getWalk().getFound(0))
          .isEqualTo(first.getCreateInode().getAttributes());
      assertThat(master.set("demo").getOpen()).isTrue();
    }
  }

  @Test
  void concurrentCreatesShareEntriesOfTheLog() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      GroupCommit.Counts before = master.server.commitCounts();
      List<CompletableFuture<Void>> threads = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int me = t;
        threads.add(
            CompletableFuture.runAsync(
                () -> {
                  for (int i = 0; i < 50; i++) {
                    master.ok(
                        master.create(
                            session.getSession(), session.getRoot(), me + "-" + i, false));
                  }
                },
                task -> new Thread(task).start()));
      }
      CompletableFuture.allOf(threads.toArray(CompletableFuture[]::new)).join();
      GroupCommit.Counts after = master.server.commitCounts();
      assertThat(after.operations() - before.operations()).isEqualTo(400);
      assertThat(after.entries() - before.entries()).isLessThan(300);
      assertThat(entryCount(master, session.getRoot())).isEqualTo(400);
    }
  }

  @Test
  void directoryCopiedFromUnderARunningMasterOpens() throws Exception {
    Path original = directory.resolve("original");
    Path copy = directory.resolve("copy");
    SessionReply session;
    Request last = null;
    try (MasterFixture master = new MasterFixture(original, 3)) {
      master.createVolume("demo", 3);
      session = master.openSession("demo");
      for (int i = 0; i < 100; i++) {
        last = master.create(session.getSession(), session.getRoot(), "f" + i, false);
        master.ok(last);
      }
      copyTree(original, copy);
    }
    try (MasterFixture master = new MasterFixture(copy, 3)) {
      assertThat(entryCount(master, session.getRoot())).isEqualTo(100);
      assertThat(master.call(last).getCreateInode().getCreated()).isTrue();
    }
  }

  private static void copyTree(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path each : (Iterable<Path>) all::iterator) {
        if (Files.exists(each)) {
          Files.copy(each, to.resolve(from.relativize(each).toString()));
        }
      }
    }
  }

  @Test
  void checkpointsAreTakenKeptInNumberAndCarryEverything() throws Exception {
    RaftOptions raft = RaftOptions.single("127.0.0.1", 0);
    MetadataServerOptions options =
        MetadataServerOptions.single(directory, 0, "test")
            .withTimes(MasterFixture.TIMES, MasterFixture.KEEPER_TIMES)
            .withRaft(
                new RaftOptions(raft.self(), raft.bindHost(), raft.port(), raft.members(), 50));
    SessionReply session;
    try (MasterFixture master = new MasterFixture(options, 3)) {
      master.createVolume("demo", 3);
      session = master.openSession("demo");
      for (int i = 0; i < 220; i++) {
        master.ok(master.create(session.getSession(), session.getRoot(), "f" + i, false));
      }
      await().atMost(SOON).until(() -> checkpoints().size() == 2);
    }
    // The live store is lost: the newest checkpoint and the log behind it bring everything back.
    Durable.deleteTree(directory.resolve("state").resolve("live"));
    try (MasterFixture master = new MasterFixture(options, 3)) {
      assertThat(entryCount(master, session.getRoot())).isEqualTo(220);
    }
  }

  private List<Path> checkpoints() throws IOException {
    return Durable.list(directory.resolve("state")).stream()
        .filter(path -> path.getFileName().toString().startsWith("checkpoint-"))
        .toList();
  }

  @Test
  void directoryInUseIsRefused() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 0)) {
      assertThat(master.server.cluster()).isNotZero();
      assertThatThrownBy(
              () ->
                  new MetadataServer(
                      MetadataServerOptions.single(directory, 0, "test"),
                      address -> null,
                      SystemClock.INSTANCE,
                      (agent, cause) -> {}))
          .hasMessageContaining("in use by another process");
    }
  }

  @Test
  void volumeNeedsAsManyDaemonsAsReplicas() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 2)) {
      Reply refused =
          master.call(
              Request.newBuilder()
                  .setCreateVolume(CreateVolume.newBuilder().setName("demo").setReplicas(3))
                  .build());
      assertThat(Replies.code(refused)).isEqualTo(ErrorCode.NOT_ENOUGH_REPLICAS);
      assertThat(refused.getMessage())
          .isEqualTo("volume 'demo' with 3 replicas needs 3 storage daemons, 2 are running");
    }
  }

  @Test
  void volumeGoesToTheDaemonsWithMostFreeSpace() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 4)) {
      VolumeRow volume = master.createVolume("demo", 2);
      long set = volume.getSets(0).getSet();
      assertThat(master.daemons.stream().map(daemon -> daemon.hasReplica(set)))
          .containsExactly(false, false, true, true);
      assertThat(volume.getMinReplicas()).isEqualTo(2);
      assertThat(volume.getState()).isEqualTo("LIVE");
    }
  }

  @Test
  void volumeWhoseReplicaCannotBeMadeIsTakenBack() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.daemons.get(0).setAway(true);
      Reply refused =
          master.call(
              Request.newBuilder()
                  .setTimeoutMs(1500)
                  .setCreateVolume(CreateVolume.newBuilder().setName("demo").setReplicas(3))
                  .build());
      assertThat(refused.getMessage()).contains("127.0.0.1:9001").contains("cannot make a replica");
      master.daemons.get(0).setAway(false);
      await().atMost(SOON).until(() -> code(master, getVolume()) == ErrorCode.NOT_FOUND);
      master.createVolume("demo", 3);
    }
  }

  /** The command's connection broke, it asks again, and the master has made the volume or does. */
  @Test
  void createWhoseAnswerWasLostIsAnsweredWithTheSameVolume() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.daemons.get(0).setAway(true);
      CompletableFuture<Reply> lost = master.send(createVolume(7));
      await().atMost(SOON).until(() -> code(master, getVolume()) == ErrorCode.OK);
      CompletableFuture<Reply> joined = master.send(createVolume(7));
      assertThat(code(master, createVolume(8))).isEqualTo(ErrorCode.EXISTS);
      assertThat(lost).isNotDone();
      assertThat(joined).isNotDone();
      master.daemons.get(0).setAway(false);
      VolumeRow made = lost.get(30, TimeUnit.SECONDS).getVolume().getVolume();
      assertThat(made.getState()).isEqualTo("LIVE");
      assertThat(joined.get(30, TimeUnit.SECONDS).getVolume().getVolume()).isEqualTo(made);
      master.daemons.get(0).setAway(true);
      assertThat(master.ok(createVolume(7)).getVolume().getVolume()).isEqualTo(made);
      assertThat(code(master, getVolume())).isEqualTo(ErrorCode.OK);
      assertThat(code(master, createVolume(8))).isEqualTo(ErrorCode.EXISTS);
      assertThat(code(master, createVolume(0))).isEqualTo(ErrorCode.EXISTS);
    }
  }

  private static Request createVolume(long wish) {
    return Request.newBuilder()
        .setCreateVolume(CreateVolume.newBuilder().setName("demo").setReplicas(3).setWish(wish))
        .build();
  }

  private static Request getVolume() {
    return Request.newBuilder().setGetVolume(GetVolume.newBuilder().setName("demo")).build();
  }

  private static ErrorCode code(MasterFixture master, Request request) {
    return Replies.code(master.call(request));
  }

  @Test
  void deletedVolumeIsGoneWithItsReplicasAndInodes() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      long set = master.createVolume("demo", 3).getSets(0).getSet();
      SessionReply session = master.openSession("demo");
      master.ok(master.create(session.getSession(), session.getRoot(), "a", false));
      Request delete = deleteVolume(false);
      assertThat(master.call(delete).getMessage()).contains("is mounted on h");
      master.ok(
          Request.newBuilder()
              .setSession(session.getSession())
              .setCloseSession(CloseSession.getDefaultInstance())
              .build());
      assertThat(code(master, delete)).isEqualTo(ErrorCode.NOT_EMPTY);
      master.ok(deleteVolume(true));
      await().atMost(SOON).until(() -> code(master, getVolume()) == ErrorCode.NOT_FOUND);
      assertThat(master.daemons).noneMatch(daemon -> daemon.hasReplica(set));
      Request root =
          Request.newBuilder()
              .setGetAttributes(GetAttributes.newBuilder().setInode(session.getRoot()))
              .build();
      assertThat(code(master, root)).isNotEqualTo(ErrorCode.OK);
    }
  }

  private static Request deleteVolume(boolean force) {
    return Request.newBuilder()
        .setDeleteVolume(DeleteVolume.newBuilder().setName("demo").setForce(force))
        .build();
  }

  @Test
  void unknownVolumeCannotBeOpened() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 0)) {
      Reply refused =
          master.call(
              Request.newBuilder()
                  .setOpenSession(OpenSession.newBuilder().setVolume("nope"))
                  .build());
      assertThat(Replies.code(refused)).isEqualTo(ErrorCode.NOT_FOUND);
      assertThat(refused.getMessage()).isEqualTo("there is no volume named 'nope'");
    }
  }

  @Test
  void sessionThatIsNotRenewedEndsUnclean() throws Exception {
    MetadataServerOptions options =
        MetadataServerOptions.single(directory, 0, "test")
            .withTimes(MasterFixture.SHORT_LIVES, MasterFixture.KEEPER_TIMES);
    try (MasterFixture master = new MasterFixture(options, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      SessionReply renewed = master.openSession("demo");
      long[] lastNs = {System.nanoTime()};
      await()
          .atMost(SOON)
          .until(
              () -> {
                ErrorCode code = Replies.code(master.renew(renewed.getSession()));
                // On a machine that is that slow nobody has renewed it in time.
                boolean inTime = System.nanoTime() - lastNs[0] < MasterFixture.SHORT_LIFE_NS;
                assertThat(code == ErrorCode.OK || !inTime).as("renewed in time: " + code).isTrue();
                lastNs[0] = System.nanoTime();
                return master.toLockd.stream().anyMatch(Request::hasSessionEnded);
              });
      assertThat(master.toLockd.peek().getSessionEnded().getSession())
          .isEqualTo(session.getSession());
      assertThat(master.toLockd.peek().getSessionEnded().getClean()).isFalse();
      assertThat(Replies.code(master.renew(session.getSession())))
          .isEqualTo(ErrorCode.SESSION_ENDED);
      assertThat(code(master, master.create(session.getSession(), session.getRoot(), "a", false)))
          .isEqualTo(ErrorCode.SESSION_ENDED);
    }
  }

  @Test
  void closedSessionEndsClean() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      SessionReply session = master.openSession("demo");
      master.ok(
          Request.newBuilder()
              .setSession(session.getSession())
              .setCloseSession(CloseSession.getDefaultInstance())
              .build());
      await().atMost(SOON).until(() -> master.toLockd.stream().anyMatch(Request::hasSessionEnded));
      assertThat(master.toLockd.peek().getSessionEnded().getClean()).isTrue();
    }
  }

  /** All of lockd hears it as it hears of every end, also who did not ask. */
  @Test
  void sessionThatLockdWantsToEndIsToldToItUnclean() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      long session = master.openSession("demo").getSession();
      EndSession end = EndSession.newBuilder().setSession(session).setReason("in vain").build();
      assertThat(Replies.code(master.callAsLockd(Request.newBuilder().setEndSession(end).build())))
          .isEqualTo(ErrorCode.OK);
      await().atMost(SOON).until(() -> master.toLockd.stream().anyMatch(Request::hasSessionEnded));
      assertThat(master.toLockd.peek().getSessionEnded().getSession()).isEqualTo(session);
      assertThat(master.toLockd.peek().getSessionEnded().getClean()).isFalse();
    }
  }

  @Test
  void onlyLockdOfThisProcessMayStartATermOrEndSessions() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 0)) {
      Request start = Request.newBuilder().setStartLockd(StartLockd.getDefaultInstance()).build();
      assertThat(code(master, start)).isEqualTo(ErrorCode.BAD_REQUEST);
      assertThat(
              code(
                  master,
                  Request.newBuilder().setEndSession(EndSession.getDefaultInstance()).build()))
          .isEqualTo(ErrorCode.BAD_REQUEST);
      long first = master.callAsLockd(start).getStartLockd().getTerm();
      long second = master.callAsLockd(start).getStartLockd().getTerm();
      assertThat(second).isGreaterThan(first);
      assertThat(
              master
                  .ok(
                      Request.newBuilder()
                          .setClusterStatus(ClusterStatus.getDefaultInstance())
                          .build())
                  .getClusterStatus()
                  .getLockdTerm())
          .isEqualTo(second);
    }
  }

  @Test
  void changeWithoutSessionIsRefused() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 0)) {
      assertThat(code(master, master.create(0, 1, "a", false))).isEqualTo(ErrorCode.BAD_REQUEST);
    }
  }

  @Test
  void filesystemHasTheRoomOfItsFullestMember() throws Exception {
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      VolumeRow volume = master.createVolume("demo", 3);
      StatFilesystemReply room =
          master
              .ok(
                  Request.newBuilder()
                      .setStatFilesystem(StatFilesystem.newBuilder().setVolume(volume.getVolume()))
                      .build())
              .getStatFilesystem();
      assertThat(room.getTotalBytes()).isEqualTo(1000);
      assertThat(room.getFreeBytes()).isEqualTo(100);
      assertThat(room.getInodes()).isEqualTo(1);
    }
  }
}
