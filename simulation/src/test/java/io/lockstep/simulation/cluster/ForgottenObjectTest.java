package io.lockstep.simulation.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.DeleteObjects;
import io.lockstep.wire.message.ForgetTombstones;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SyncObjects;
import io.lockstep.wire.message.TruncateObject;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What every member has forgotten does not come back with a loss of power. */
class ForgottenObjectTest {
  private static final List<Long> INODES = LongStream.range(1000, 1064).boxed().toList();

  private final Cluster cluster = new Cluster(1, 3, 0, Variants.production());
  private StorageNode node;
  private SetConfig config;

  private Reply ok(Request.Builder request) {
    Reply[] answer = new Reply[1];
    cluster.ask(node.address(), request.build(), reply -> answer[0] = reply);
    cluster.await("an answer", 5, () -> answer[0] != null);
    assertThat(Replies.isOk(answer[0])).as(answer[0].getMessage()).isTrue();
    return answer[0];
  }

  private ObjectContext context(long inode) {
    return ObjectContext.newBuilder()
        .setSet(config.set())
        .setEpoch(config.epoch())
        .setInode(inode)
        .setToken(Convert.message(new Token(1, 1)))
        .setCycle(1)
        .build();
  }

  private void makeObject(long inode) {
    ok(
        Request.newBuilder()
            .setTruncateObject(
                TruncateObject.newBuilder().setContext(context(inode)).setSize(100)));
  }

  @Test
  void fileOfAForgottenObjectDoesNotComeBack() {
    try (cluster) {
      cluster.start();
      node = cluster.storages().get(0);
      config = cluster.master().config();
      INODES.forEach(this::makeObject);
      ok(
          Request.newBuilder()
              .setSyncObjects(
                  SyncObjects.newBuilder()
                      .setSet(config.set())
                      .setEpoch(config.epoch())
                      .addAllInodes(INODES)));
      ok(
          Request.newBuilder()
              .setDeleteObjects(
                  DeleteObjects.newBuilder()
                      .setSet(config.set())
                      .setEpoch(config.epoch())
                      .setToken(Convert.message(new Token(1, 2)))
                      .addAllInodes(INODES)));
      ok(
          Request.newBuilder()
              .setForgetTombstones(
                  ForgetTombstones.newBuilder().setSet(config.set()).addAllInodes(INODES)));
      node.kill(true);
      node.start();
      cluster.await("the new run", 20, () -> node.daemon().isRegistered());
      // A file without a record is put aside as nobody's.
      assertThat(node.disk().root().resolve("quarantine")).isEmptyDirectory();
    }
  }
}
