package io.lockstep.replication.server;

import static io.lockstep.replication.server.TestCluster.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.store.DbBatch;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.ReplicaDb;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.Request;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What clients write to an object that its member lost, before heal has come to it: it stays, and
 * nobody is blamed for it.
 */
@Timeout(120)
class LostObjectTest {
  private static final Token LEASE = new Token(5, 1);
  private static final ObjectKey OBJECT = new ObjectKey(TestCluster.SET, 1);
  private static final int SIZE = 20_000;
  private static final int WRITTEN_AT = 8192;
  private static final String FILE = "replicas/0000000000000007/objects/01/0000000000000001.0";

  @TempDir Path root;

  private static Payload filled(int value, int size) {
    return Payload.of(bytes(value, size));
  }

  private static byte[] bytes(int value, int size) {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private static Request.Builder write(TestCluster cluster) {
    return cluster.write(OBJECT.inode(), LEASE, 2, WRITTEN_AT);
  }

  /** Member 3 returns to be healed, and does not begin. */
  private static void returns(TestCluster cluster) throws Exception {
    cluster.become(3, MemberMode.WO);
    cluster.adopt(false, 1, 2, 3);
  }

  /** A write that has come to member 3, heals there, and comes to the others only then. */
  private static void healBetweenTwoMembersOfAWrite(TestCluster cluster) throws Exception {
    ok(cluster.call(3, write(cluster), filled(7, 4096)));
    cluster.adopt(true, 3);
    cluster.awaitHealed();
    assertThat(cluster.stat(3, OBJECT.inode()).getHalfRepaired()).isFalse();
    cluster.adopt(false, 1, 2, 3);
    ok(cluster.call(1, write(cluster), filled(7, 4096)));
    ok(cluster.call(2, write(cluster), filled(7, 4096)));
    assertThat(cluster.isEqual(1, 3, OBJECT.inode())).isTrue();
    cluster.clearAll(OBJECT.inode(), LEASE, 2);
    assertThat(cluster.content(3, OBJECT.inode())).isEqualTo(cluster.content(1, OBJECT.inode()));
  }

  /** The sync failed in an earlier run. */
  private void lose(TestCluster cluster) throws Exception {
    try (ReplicaDb db = new ReplicaDb(cluster.directory(3).resolve("db"));
        DbBatch batch = db.batch()) {
      Decision lost = MarkRules.DEFAULT.onSyncFailed(db.marks(OBJECT));
      batch.putMarks(OBJECT, ((Decision.Admit) lost).marks(), true);
      db.commit(batch);
    }
  }

  @Test
  void whatWasWrittenAfterTheStartStaysThroughTheHeal() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(OBJECT.inode(), LEASE, 1, 0, bytes(1, SIZE));
      cluster.clearAll(OBJECT.inode(), LEASE, 1);
      cluster.stopDaemon(3);
      lose(cluster);
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      cluster.startDaemon(3);
      returns(cluster);
      healBetweenTwoMembersOfAWrite(cluster);
    }
  }

  @Test
  void stoppedObjectTakesWritesAsSoonAsItsMemberHeals() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      // No file can be opened where a directory is.
      Path inTheWay = Files.createDirectory(cluster.directory(3).resolve(FILE));
      ok(cluster.call(1, cluster.write(OBJECT.inode(), LEASE, 1, 0), filled(1, SIZE)));
      ok(cluster.call(2, cluster.write(OBJECT.inode(), LEASE, 1, 0), filled(1, SIZE)));
      assertThat(
              cluster.call(3, cluster.write(OBJECT.inode(), LEASE, 1, 0), filled(1, SIZE)).code())
          .isEqualTo(ErrorCode.IO_ERROR);
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2, 3);
      cluster.writeAll(OBJECT.inode(), LEASE, 1, 0, bytes(1, SIZE));
      assertThat(inTheWay).isDirectory();
      returns(cluster);
      assertThat(ok(cluster.sync(3, OBJECT.inode())).reply().getSyncObjects().getFailuresList())
          .isEmpty();
      healBetweenTwoMembersOfAWrite(cluster);
    }
  }

  /** In step it may be the only one that has what is asked of it. */
  @Test
  void stoppedObjectOfAMemberInStepStaysStopped() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      Path inTheWay = Files.createDirectory(cluster.directory(3).resolve(FILE));
      for (int attempt = 0; attempt < 2; attempt++) {
        assertThat(cluster.call(3, write(cluster), filled(7, 4096)).code())
            .isEqualTo(ErrorCode.IO_ERROR);
      }
      assertThat(inTheWay).isDirectory();
    }
  }
}
