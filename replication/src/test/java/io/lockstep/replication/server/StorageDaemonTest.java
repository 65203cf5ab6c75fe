package io.lockstep.replication.server;

import static io.lockstep.replication.server.TestCluster.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.replication.server.TestCluster.Answer;
import io.lockstep.wire.Payload;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class StorageDaemonTest {
  private static final Token LEASE = new Token(5, 1);

  @TempDir Path root;

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void whatWasWrittenIsReadAtEveryMember() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, text("hello "));
      cluster.writeAll(1, LEASE, 1, 6, text("world"));
      for (int member = 1; member <= 3; member++) {
        assertThat(ok(cluster.read(member, 1, 0, 100)).bytes()).isEqualTo(text("hello world"));
        assertThat(cluster.marks(member, 0).getObjectsList()).hasSize(1);
      }
      cluster.clearAll(1, LEASE, 1);
      for (int member = 1; member <= 3; member++) {
        assertThat(cluster.marks(member, 0).getObjectsList()).isEmpty();
        assertThat(ok(cluster.read(member, 1, 6, 3)).bytes()).isEqualTo(text("wor"));
      }
    }
  }

  @Test
  void olderTokenAndOlderEpochAreRefused() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      cluster.writeAll(1, LEASE, 1, 0, text("a"));
      ok(cluster.seal(1, 1, new Token(5, 2)));
      Answer fenced = cluster.call(1, cluster.write(1, LEASE, 1, 0), Payload.of(text("b")));
      assertThat(fenced.code()).isEqualTo(ErrorCode.STALE_TOKEN);
      var old = cluster.write(1, new Token(5, 3), 1, 0);
      cluster.become(3, MemberMode.ERR);
      cluster.adopt(false, 1);
      Answer stale = cluster.call(1, old, Payload.of(text("b")));
      assertThat(stale.code()).isEqualTo(ErrorCode.STALE_EPOCH);
      assertThat(stale.reply().getConfig()).isEqualTo(cluster.config());
      // Member 2 was not told: the request itself makes it ask the master.
      ok(cluster.call(2, cluster.write(1, LEASE, 1, 0), Payload.of(text("c"))));
      assertThat(cluster.stat(2, 1).getPendingList()).hasSize(1);
    }
  }

  @Test
  void returningMemberHealsWhileClientsWrite() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    try (TestCluster cluster = new TestCluster(root, 3).start()) {
      int inodes = 12;
      int size = 300_000;
      for (int inode = 1; inode <= inodes; inode++) {
        cluster.writeAll(inode, LEASE, 1, 0, bytes(random, size));
        cluster.clearAll(inode, LEASE, 1);
      }
      cluster.stopDaemon(3);
      cluster.become(3, MemberMode.ERR);
      for (int inode = 1; inode <= inodes; inode++) {
        cluster.writeAll(inode, LEASE, 2, random.nextInt(size), bytes(random, 50_000));
      }
      cluster.truncateAll(2, LEASE, 2, 1000);
      cluster.truncateAll(3, LEASE, 2, 0);
      cluster.writeAll(inodes + 1, LEASE, 2, 5000, bytes(random, 5000));
      for (int inode = 1; inode <= inodes; inode++) {
        cluster.clearAll(inode, LEASE, 2);
      }
      assertThat(cluster.marks(1, 3).getObjectsList()).hasSize(inodes + 1);

      cluster.startDaemon(3);
      assertThat(cluster.read(3, 1, 0, 10).code()).isEqualTo(ErrorCode.BUSY);
      cluster.become(3, MemberMode.WO);
      AtomicBoolean writing = new AtomicBoolean(true);
      AtomicReference<Throwable> failed = new AtomicReference<>();
      Thread writer =
          new Thread(
              () -> {
                Random mine = new Random(seed + 1);
                try {
                  while (writing.get()) {
                    int inode = 1 + mine.nextInt(inodes);
                    if (mine.nextInt(20) == 0) {
                      cluster.truncateAll(inode, LEASE, 3, mine.nextInt(size));
                    } else {
                      int length = 1 + mine.nextInt(20_000);
                      cluster.writeAll(inode, LEASE, 3, mine.nextInt(size), bytes(mine, length));
                    }
                  }
                } catch (Exception | AssertionError e) {
                  failed.set(e);
                }
              });
      writer.start();
      cluster.adopt(false, 1, 2, 3);
      assertThat(cluster.read(3, 1, 0, 10).code()).isEqualTo(ErrorCode.NOT_READABLE);
      cluster.adopt(true, 3);
      cluster.awaitHealed();
      writing.set(false);
      writer.join(20_000);
      assertThat(failed.get()).isNull();
      cluster.adopt(false, 1, 2, 3);
      assertThat(cluster.daemon(3).counters().get("taken_ranges")).isZero();
      for (int inode = 1; inode <= inodes + 1; inode++) {
        cluster.writeAll(inode, LEASE, 4, 0, bytes(random, 10));
        cluster.clearAll(inode, LEASE, 4);
        assertThat(cluster.isEqual(1, 2, inode)).as("inode %d", inode).isTrue();
        assertThat(cluster.isEqual(1, 3, inode)).as("inode %d", inode).isTrue();
        assertThat(cluster.content(3, inode)).isEqualTo(cluster.content(1, inode));
      }
      for (int member = 1; member <= 3; member++) {
        assertThat(cluster.marks(member, 3).getObjectsList()).isEmpty();
      }
      assertThat(cluster.daemon(3).counters().get("healed_bytes")).isPositive();
      assertThat(cluster.daemon(3).counters().get("corrupt_blocks")).isZero();
    }
  }

  private static byte[] bytes(Random random, int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }
}
