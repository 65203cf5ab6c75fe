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
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SettleObject;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A request to settle that comes twice, the second time when all is settled and goes on. */
@Timeout(120)
class LateSettlingTest {
  private static final Token LEASE = new Token(5, 1);
  private static final Token SEAL = new Token(5, 2);
  private static final Token NEXT_HOLDER = new Token(5, 3);
  private static final int SIZE = 10_000;

  @TempDir Path root;

  private static byte[] filled(int value) {
    byte[] bytes = new byte[SIZE];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private static Request.Builder settle(TestCluster cluster, int source) {
    return Request.newBuilder()
        .setSettleObject(
            SettleObject.newBuilder()
                .setSet(SET)
                .setEpoch(cluster.config().getEpoch())
                .setInode(1)
                .setToken(Convert.message(SEAL))
                .setSource(source)
                .setSourceAddress(TestCluster.address(source)));
  }

  /** The member is in step, and nobody would settle its copy again. */
  @Test
  void copyIsWholeAlthoughTheEpochEndsUnderIt() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1));
      ok(cluster.clear(1, 1, LEASE, 1));
      CompletableFuture<Void> begun = new CompletableFuture<>();
      CompletableFuture<Void> goesOn = new CompletableFuture<>();
      cluster
          .peers()
          .holdReplies(
              request -> {
                if (!request.hasHashObject()) {
                  return null;
                }
                begun.complete(null);
                return goesOn;
              });
      CompletableFuture<Answer> late = cluster.async(1, settle(cluster, 2), Payload.EMPTY);
      begun.get(20, TimeUnit.SECONDS);
      assertThat(cluster.read(1, 1, 0, SIZE).code()).isEqualTo(ErrorCode.CORRUPT);
      cluster.writeAll(1, NEXT_HOLDER, 1, 0, filled(2));
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1, 2);
      goesOn.complete(null);
      assertThat(late.get(20, TimeUnit.SECONDS).code().isOk()).isFalse();
      assertThat(ok(cluster.read(1, 1, 0, SIZE)).bytes()).isEqualTo(filled(2));
      assertThat(cluster.isEqual(1, 2, 1)).isTrue();
    }
  }
}
