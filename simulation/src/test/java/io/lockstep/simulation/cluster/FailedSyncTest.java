package io.lockstep.simulation.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Copy;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.ReplicaDirectory;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import io.lockstep.wire.message.TruncateObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * What a failed sync left in memory looks like the source to the next run of a daemon, and is not
 * on the disk.
 */
class FailedSyncTest {
  private static final long INODE = 1000;
  private static final int OLD = 100;
  private static final int NEW = 5000;

  /** Changed: a failed sync is forgotten with the process. */
  private static final class Forgets extends MarkRules {
    @Override
    protected Copy afterFailedSync(ObjectMarks marks) {
      return marks.copy();
    }
  }

  @Test
  void healBringsWhatAFailedSyncLost() throws IOException {
    assertThat(bytesAfterPowerLoss(Variants.production())).isEqualTo(NEW);
  }

  @Test
  void forgettingAFailedSyncIsCaught() throws IOException {
    assertThat(bytesAfterPowerLoss(Variants.production().with(new Forgets()))).isEqualTo(OLD);
  }

  /** The size on the disk of a member whose sync failed, and that was healed in its next run. */
  private static long bytesAfterPowerLoss(Variants variants) throws IOException {
    try (Cluster cluster = new Cluster(1, 3, 0, variants)) {
      cluster.start();
      StorageNode node = cluster.storages().get(2);
      SetConfig config = cluster.master().config();
      for (StorageNode each : cluster.storages()) {
        truncate(cluster, each, config, OLD);
        assertThat(sync(cluster, each, config).getSyncObjects().getFailuresList()).isEmpty();
        truncate(cluster, each, config, NEW);
      }
      node.disk().failSyncs(1);
      assertThat(sync(cluster, node, config).getSyncObjects().getFailuresList()).hasSize(1);
      node.kill(false);
      node.start();
      cluster.await("the new run to be in step", 60, () -> isInStep(cluster, node));
      Path file =
          new ReplicaDirectory(node.disk().root(), node.id())
              .object(new ObjectKey(config.set(), INODE));
      assertThat(Files.size(file)).isEqualTo(NEW);
      node.kill(true);
      return Files.size(file);
    }
  }

  private static boolean isInStep(Cluster cluster, StorageNode node) {
    Member member = cluster.master().config().memberOn(node.id());
    return member.mode() == MemberMode.RW && member.incarnation() == node.daemon().incarnation();
  }

  private static void truncate(Cluster cluster, StorageNode node, SetConfig config, long size) {
    ObjectContext context =
        ObjectContext.newBuilder()
            .setSet(config.set())
            .setEpoch(config.epoch())
            .setInode(INODE)
            .setToken(Convert.message(new Token(1, 1)))
            .setCycle(1)
            .build();
    ask(
        cluster,
        node,
        Request.newBuilder()
            .setTruncateObject(TruncateObject.newBuilder().setContext(context).setSize(size)));
  }

  private static Reply sync(Cluster cluster, StorageNode node, SetConfig config) {
    return ask(
        cluster,
        node,
        Request.newBuilder()
            .setSyncObjects(
                SyncObjects.newBuilder()
                    .setSet(config.set())
                    .setEpoch(config.epoch())
                    .addInodes(INODE)));
  }

  private static Reply ask(Cluster cluster, StorageNode node, Request.Builder request) {
    Reply[] answer = new Reply[1];
    cluster.ask(node.address(), request.build(), reply -> answer[0] = reply);
    cluster.await("an answer", 5, () -> answer[0] != null);
    assertThat(Replies.isOk(answer[0])).as(answer[0].getMessage()).isTrue();
    return answer[0];
  }
}
