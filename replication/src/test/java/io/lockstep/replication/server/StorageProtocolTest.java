package io.lockstep.replication.server;

import static io.lockstep.replication.server.TestCluster.SET;
import static io.lockstep.replication.server.TestCluster.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.replication.server.TestCluster.Answer;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.DeleteReplica;
import io.lockstep.wire.message.EnsureReplica;
import io.lockstep.wire.message.ForgetTombstones;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PreOp;
import io.lockstep.wire.message.Request;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Members of a set that settle, heal and delete. */
class StorageProtocolTest extends StorageCase {
  @Test
  void membersSettleAfterTheirClientDied() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 100_000));
      cluster.clearAll(1, LEASE, 1);
      // The client dies in the middle of two writes.
      ok(cluster.call(1, cluster.write(1, LEASE, 2, 10), Payload.of(filled(2, 50_000))));
      ok(cluster.call(2, cluster.write(1, LEASE, 2, 90_000), Payload.of(filled(3, 50_000))));
      for (int member = 1; member <= 3; member++) {
        ObjectState state = ok(cluster.seal(member, 1, NEXT)).reply().getObjectState();
        assertThat(Convert.token(state.getNewestToken())).isEqualTo(NEXT);
        assertThat(state.getDirty()).isEqualTo(member != 3);
      }
      for (int member : List.of(1, 3)) {
        ObjectState state =
            ok(cluster.call(member, settle(cluster, 1, NEXT, 2))).reply().getObjectState();
        assertThat(state.getSize()).isEqualTo(140_000);
      }
      assertThat(cluster.content(1, 1)).isEqualTo(cluster.content(2, 1));
      assertThat(cluster.isEqual(1, 3, 1)).isTrue();
      for (int member = 1; member <= 2; member++) {
        ok(cluster.clear(member, 1, LEASE, 2));
      }
      for (int member = 1; member <= 3; member++) {
        assertThat(cluster.marks(member, 0).getObjectsList()).isEmpty();
        assertThat(ok(cluster.read(member, 1, 89_999, 2)).bytes()).isEqualTo(new byte[] {1, 3});
        assertThat(cluster.daemon(member).counters().get("corrupt_blocks")).isZero();
      }
    }
  }

  @Test
  void settlingEndsWhereANewerHolderHasBegunToWrite() throws Exception {
    Token newer = new Token(5, 3);
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      ok(cluster.seal(1, 1, NEXT));
      ok(cluster.seal(2, 1, NEXT));
      // A sweep settles while a new holder is granted: his first write has reached the source only.
      ok(cluster.call(2, cluster.write(1, newer, 1, 0), Payload.of(filled(4, 100))));
      assertThat(cluster.call(1, settle(cluster, 1, NEXT, 2)).code())
          .isEqualTo(ErrorCode.STALE_TOKEN);
      assertThat(ok(cluster.read(1, 1, 0, 1)).bytes()).isEqualTo(new byte[] {1});
      ok(cluster.call(1, cluster.write(1, newer, 1, 0), Payload.of(filled(4, 100))));
      assertThat(cluster.call(1, settle(cluster, 1, NEXT, 3)).code())
          .isEqualTo(ErrorCode.STALE_TOKEN);
      assertThat(ok(cluster.read(1, 1, 0, 1)).bytes()).isEqualTo(new byte[] {4});
    }
  }

  @Test
  void settlingFromAMemberThatDoesNotAnswerFailsAndLeavesTheMark() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 100));
      cluster.stopDaemon(2);
      Answer answer = cluster.call(1, settle(cluster, 1, NEXT, 2));
      assertThat(answer.code()).isEqualTo(ErrorCode.DISCONNECTED);
      ok(cluster.call(1, settle(cluster, 1, NEXT, 3)));
      assertThat(cluster.isEqual(1, 3, 1)).isTrue();
    }
  }

  @Test
  void copyThatSettlingLeftHalfWayIsNoneToReadUntilItIsKept() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 2).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      cluster.clearAll(1, LEASE, 1);
      ok(cluster.call(2, cluster.write(1, LEASE, 2, 0), Payload.of(filled(2, 10_000))));
      Path source =
          cluster.directory(2).resolve("replicas/0000000000000007/objects/01/0000000000000001.0");
      byte[] bytes = Files.readAllBytes(source);
      bytes[5000] ^= 1;
      Files.write(source, bytes);
      assertThat(cluster.call(1, settle(cluster, 1, NEXT, 2)).code()).isEqualTo(ErrorCode.CORRUPT);
      assertThat(cluster.read(1, 1, 0, 1).code()).isEqualTo(ErrorCode.CORRUPT);
      ObjectState half = cluster.marks(1, 0).getObjects(0);
      assertThat(half.getHalfRepaired()).isTrue();
      assertThat(half.getDirty()).isFalse();

      // Its source is gone: each of both copies had all that was fsynced, so has what is here.
      cluster.stopDaemon(1);
      cluster.startDaemon(1);
      cluster.become(1, MemberMode.RW);
      ObjectState kept = ok(cluster.call(1, settle(cluster, 1, NEXT, 1))).reply().getObjectState();
      assertThat(kept.getHalfRepaired()).isFalse();
      assertThat(kept.getSize()).isEqualTo(10_000);
      assertThat(cluster.marks(1, 0).getObjectsList()).isEmpty();
      assertThat(ok(cluster.read(1, 1, 0, 10_000)).bytes()).hasSize(10_000);
      assertThat(cluster.daemon(1).counters().get("corrupt_blocks")).isZero();
    }
  }

  @Test
  void deadObjectLeavesATombstoneUntilItIsForgotten() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      assertThat(cluster.call(1, delete(cluster, 1, new Token(1, 1))).code())
          .isEqualTo(ErrorCode.STALE_TOKEN);
      for (int member = 1; member <= 3; member++) {
        ok(cluster.call(member, delete(cluster, 1, NEXT)));
        ok(cluster.call(member, delete(cluster, 1, NEXT)));
      }
      assertThat(cluster.stat(1, 1).getTombstone()).isTrue();
      assertThat(cluster.stat(1, 1).getExists()).isFalse();
      assertThat(cluster.marks(1, 0).getObjectsList()).isEmpty();
      Answer late =
          cluster.call(1, cluster.write(1, new Token(9, 9), 1, 0), Payload.of(filled(1, 1)));
      assertThat(late.code()).isEqualTo(ErrorCode.OBJECT_DELETED);
      assertThat(cluster.read(1, 1, 0, 1).code()).isEqualTo(ErrorCode.OBJECT_DELETED);
      cluster.stopDaemon(1);
      cluster.startDaemon(1);
      assertThat(cluster.stat(1, 1).getTombstone()).isTrue();
      ok(cluster.call(1, forget(1)));
      ok(cluster.call(2, forget(1)));
      var later = cluster.write(1, new Token(9, 9), 1, 0);
      assertThat(cluster.call(2, later, Payload.of(filled(1, 1))).code())
          .as("what is late does not bring it back")
          .isEqualTo(ErrorCode.OBJECT_DELETED);
      cluster.stopDaemon(1);
      cluster.startDaemon(1);
      assertThat(cluster.stat(1, 1).getTombstone()).isFalse();
      try (Stream<Path> files = Files.walk(cluster.directory(1).resolve("replicas"))) {
        assertThat(files.filter(f -> f.toString().endsWith(".0"))).isEmpty();
      }
    }
  }

  /** Between the heal's listing and its first step on the object, which has a mark at a source. */
  @Test
  void objectThatIsForgottenDuringAHealGetsNoMarkFromIt() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      CompletableFuture<Void> looked = new CompletableFuture<>();
      CompletableFuture<Void> forgotten = new CompletableFuture<>();
      cluster
          .peers()
          .holdReplies(
              request -> {
                if (!request.hasStatObject()) {
                  return null;
                }
                looked.complete(null);
                return forgotten;
              });
      cluster.adopt(true, 3);
      looked.get(20, TimeUnit.SECONDS);
      for (int member = 1; member <= 3; member++) {
        ok(cluster.call(member, delete(cluster, 1, NEXT)));
        ok(cluster.call(member, forget(1)));
      }
      forgotten.complete(null);
      cluster.awaitHealed();
      for (int member = 1; member <= 3; member++) {
        assertThat(cluster.marks(member, 0).getObjectsList()).as("member %d", member).isEmpty();
      }
    }
  }

  private static Request.Builder forget(long inode) {
    return Request.newBuilder()
        .setForgetTombstones(ForgetTombstones.newBuilder().setSet(SET).addInodes(inode));
  }

  @Test
  void closedSetServesNobodyButSettles() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 5000));
      for (int member = 1; member <= 3; member++) {
        cluster.stopDaemon(member);
      }
      for (int member = 1; member <= 3; member++) {
        cluster.startDaemon(member);
      }
      cluster.setOpen(false);
      cluster.adopt(false, 1, 2, 3);
      assertThat(cluster.read(1, 1, 0, 1).code()).isEqualTo(ErrorCode.SET_CLOSED);
      Answer write = cluster.call(1, cluster.write(1, LEASE, 1, 0), Payload.of(filled(1, 1)));
      assertThat(write.code()).isEqualTo(ErrorCode.SET_CLOSED);
      for (int member = 1; member <= 3; member++) {
        assertThat(cluster.marks(member, 0).getObjectsList()).hasSize(1);
      }
      ok(cluster.call(1, settle(cluster, 1, NEXT, 2)));
      ok(cluster.call(3, settle(cluster, 1, NEXT, 2)));
      // Settling is over only when marks stand for those who took no part.
      PreOp mark =
          PreOp.newBuilder()
              .setContext(cluster.write(1, NEXT, 2, 0).getWriteObject().getContext())
              .build();
      ok(cluster.call(3, Request.newBuilder().setPreOp(mark)));
      ok(cluster.clear(3, 1, NEXT, 2));
      for (int member = 1; member <= 3; member++) {
        assertThat(ok(cluster.sync(member, 1)).reply().getSyncObjects().getFailuresList())
            .isEmpty();
        ok(cluster.clear(member, 1, LEASE, 1));
        assertThat(cluster.marks(member, 0).getObjectsList()).isEmpty();
        cluster.become(member, MemberMode.RW);
      }
      cluster.setOpen(true);
      cluster.adopt(false, 1, 2, 3);
      assertThat(ok(cluster.read(3, 1, 0, 5000)).bytes()).isEqualTo(filled(1, 5000));
    }
  }

  @Test
  void lateWriteOfAFencedHolderAtAReturningMemberIsHealedAway() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 20_000));
      cluster.clearAll(1, LEASE, 1);
      cluster.stopDaemon(3);
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      // Member 3 does not hear of the fence; nobody is dirty.
      ok(cluster.seal(1, 1, NEXT));
      ok(cluster.seal(2, 1, NEXT));
      cluster.startDaemon(3);
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      var late = cluster.write(1, LEASE, 1, 5000);
      assertThat(cluster.call(1, late, Payload.of(filled(9, 50))).code())
          .isEqualTo(ErrorCode.STALE_TOKEN);
      ok(cluster.call(3, late, Payload.of(filled(9, 50))));
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      assertThat(cluster.isEqual(1, 3, 1)).isTrue();
      cluster.adopt(false, 3);
      assertThat(cluster.marks(3, 3).getObjectsList()).isEmpty();
      assertThat(cluster.call(3, cluster.write(1, LEASE, 1, 0), Payload.of(filled(9, 5))).code())
          .isEqualTo(ErrorCode.STALE_TOKEN);
    }
  }

  /** The clear of the cycle that it missed has come before the source's mark, and comes once. */
  @Test
  void dirtyMarkOfACycleBeforeTheOneThatWasMissedGoesWithTheHeal() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 20_000));
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      cluster.writeAll(1, LEASE, 2, 0, filled(2, 20_000));
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      ok(cluster.clear(3, 1, LEASE, 2));
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      cluster.adopt(false, 1, 2, 3);
      ok(cluster.clear(1, 1, LEASE, 2));
      ok(cluster.clear(2, 1, LEASE, 2));
      for (int member = 1; member <= 3; member++) {
        assertThat(cluster.marks(member, 3).getObjectsList()).as("member %d", member).isEmpty();
      }
    }
  }

  @Test
  void marksOfAReturningMemberAboutOneThatWasHealedMeanwhileGo() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.stopDaemon(2);
      cluster.become(2, MemberMode.ERR);
      cluster.adopt(false, 1, 3);
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 20_000));
      cluster.clearAll(1, LEASE, 1);
      cluster.stopDaemon(1);
      cluster.become(1, MemberMode.ERR);
      cluster.startDaemon(2);
      cluster.become(2, MemberMode.WO);
      cluster.adopt(false, 2, 3);
      cluster.adopt(true, 2);
      cluster.awaitHealed();
      assertThat(cluster.marks(3, 2).getObjectsList()).isEmpty();

      cluster.startDaemon(1);
      cluster.become(1, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      assertThat(cluster.marks(1, 2).getObjectsList()).hasSize(1);
      cluster.become(1, MemberMode.RW);
      cluster.adopt(false, 1, 2, 3);
      long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (cluster.marks(1, 2).getObjectsCount() > 0) {
        assertThat(System.nanoTime()).as("the mark stays").isLessThan(endNs);
      }
    }
  }

  @Test
  void deletedWhileAMemberWasAwayIsDeletedThereToo() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 20_000));
      cluster.stopDaemon(3);
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      ok(cluster.call(1, delete(cluster, 1, NEXT)));
      ok(cluster.call(2, delete(cluster, 1, NEXT)));
      cluster.startDaemon(3);
      cluster.become(3, MemberMode.WO);
      cluster.adopt(false, 1, 2, 3);
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      assertThat(cluster.stat(3, 1).getTombstone()).isTrue();
      assertThat(cluster.stat(3, 1).getExists()).isFalse();
    }
  }

  @Test
  void replicaMadeAnewIsHealedWhole() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      for (int inode = 1; inode <= 20; inode++) {
        cluster.writeAll(inode, LEASE, 1, 0, filled(inode, 5000));
        cluster.clearAll(inode, LEASE, 1);
      }
      ok(
          cluster.call(
              3, Request.newBuilder().setDeleteReplica(DeleteReplica.newBuilder().setSet(SET))));
      assertThat(cluster.read(3, 1, 0, 1).code()).isEqualTo(ErrorCode.NO_REPLICA);
      cluster.become(3, MemberMode.WO);
      ok(
          cluster.call(
              3,
              Request.newBuilder()
                  .setEnsureReplica(
                      EnsureReplica.newBuilder()
                          .setSet(SET)
                          .setVolume(1)
                          .setConfig(cluster.config()))));
      cluster.adopt(false, 1, 2);
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      for (int inode = 1; inode <= 20; inode++) {
        assertThat(cluster.isEqual(1, 3, inode)).as("inode %d", inode).isTrue();
      }
    }
  }
}
