package io.lockstep.replication.server;

import static io.lockstep.replication.server.TestCluster.SET;
import static io.lockstep.replication.server.TestCluster.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Token;
import io.lockstep.replication.server.TestCluster.Answer;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.AllocateObject;
import io.lockstep.wire.message.EnsureReplica;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.ListObjects;
import io.lockstep.wire.message.PullObject;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.StatObject;
import io.lockstep.wire.message.TruncateObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** One storage daemon, its disk, and what is asked of it. */
class OneDaemonTest extends StorageCase {
  @Test
  void nothingIsServedBeforeTheMasterAnswered() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10));
      cluster.peers().remove(TestCluster.MASTER);
      cluster.stopDaemon(1);
      cluster.openUnregistered(1);
      assertThat(cluster.read(1, 1, 0, 1).code()).isEqualTo(ErrorCode.BUSY);
    }
  }

  @Test
  void fullDiskRefusesWritesAndStillDeletes() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      cluster.stopDaemon(1);
      cluster.reserve(Long.MAX_VALUE / 4);
      cluster.startDaemon(1);
      cluster.become(1, MemberMode.RW);
      cluster.adopt(false, 1);
      Answer write = cluster.call(1, cluster.write(2, LEASE, 1, 0), Payload.of(filled(1, 1)));
      assertThat(write.code()).isEqualTo(ErrorCode.NO_SPACE);
      assertThat(cluster.stat(1, 2).getDirty()).isFalse();
      ok(
          cluster.call(
              1,
              Request.newBuilder()
                  .setTruncateObject(
                      TruncateObject.newBuilder()
                          .setContext(cluster.context(1, LEASE, 2))
                          .setSize(10))));
      assertThat(ok(cluster.read(1, 1, 0, 100)).bytes()).hasSize(10);
      ok(cluster.call(1, delete(cluster, 1, NEXT)));
    }
  }

  @Test
  void leftoversOfACrashAreFinishedOrPutAside() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      cluster.clearAll(1, LEASE, 1);
      cluster.stopDaemon(1);
      Path replicas = cluster.directory(1).resolve("replicas");
      Files.createDirectories(replicas.resolve(".new-0000000000000009/objects"));
      Files.createDirectories(replicas.resolve(".gone-0000000000000008/objects/ab"));
      Files.createDirectories(replicas.resolve("000000000000000a"));
      Files.createFile(replicas.resolve("000000000000000b"));
      Files.createFile(replicas.resolve("0000000000000007/objects/ff/00000000000000ff.0"));
      Files.createFile(replicas.resolve("0000000000000007/objects/ff/nonsense"));
      cluster.startDaemon(1);
      assertThat(cluster.daemon(1).counters().get("quarantined")).isEqualTo(5);
      cluster.become(1, MemberMode.RW);
      cluster.adopt(false, 1);
      assertThat(ok(cluster.read(1, 1, 0, 10_000)).bytes()).isEqualTo(filled(1, 10_000));
      try (Stream<Path> left = Files.list(replicas)) {
        assertThat(left.map(p -> p.getFileName().toString())).containsExactly("0000000000000007");
      }
      cluster.stopDaemon(1);
      cluster.startDaemon(1);
      assertThat(cluster.daemon(1).counters().get("quarantined")).isZero();
    }
  }

  @Test
  void plantedDirectoriesDoNotKeepAReplicaFromBeingMade() throws Exception {
    for (int kind = 0; kind < 4; kind++) {
      Path base = root.resolve("kind" + kind);
      Path planted = base.resolve("daemon1/replicas/0000000000000007");
      try (TestCluster cluster = new TestCluster(base, 1)) {
        cluster.startDaemon(1);
        switch (kind) {
          case 0 -> Files.createDirectories(planted);
          case 1 -> Files.createFile(planted);
          case 2 -> Files.createDirectories(planted.resolve("objects/aa"));
          default -> {
            Files.createDirectories(planted.resolve("objects"));
            Files.write(planted.resolve("replica"), new byte[50]);
          }
        }
        cluster.makeSet();
        cluster.writeAll(1, LEASE, 1, 0, filled(1, 10));
        assertThat(ok(cluster.read(1, 1, 0, 10)).bytes()).isEqualTo(filled(1, 10));
        assertThat(cluster.daemon(1).counters().get("quarantined")).isZero();
      }
    }
  }

  @Test
  void lostReplicaIsNotReplacedByAnEmptyOne() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.stopDaemon(1);
      Path replica = cluster.directory(1).resolve("replicas/0000000000000007");
      Files.move(replica, cluster.directory(1).resolve("elsewhere"));
      cluster.startDaemon(1);
      cluster.become(1, MemberMode.RW);
      assertThat(cluster.read(1, 1, 0, 1).code()).isEqualTo(ErrorCode.NO_REPLICA);
      Answer ensured =
          cluster.call(
              1,
              Request.newBuilder()
                  .setEnsureReplica(EnsureReplica.newBuilder().setSet(SET).setVolume(1)));
      assertThat(ensured.code()).isEqualTo(ErrorCode.NO_REPLICA);
      assertThat(replica).doesNotExist();
    }
  }

  @Test
  void damageOnTheDiskIsSeenBehindAnOpenFile() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      cluster.clearAll(1, LEASE, 1);
      Path object =
          cluster.directory(1).resolve("replicas/0000000000000007/objects/01/0000000000000001.0");
      byte[] bytes = Files.readAllBytes(object);
      Files.delete(object);
      Answer hash = cluster.call(1, hash(1));
      assertThat(ok(hash).reply().getHashObject().getExists()).isFalse();
      Answer stat =
          cluster.call(
              1,
              Request.newBuilder().setStatObject(StatObject.newBuilder().setSet(SET).setInode(1)));
      assertThat(stat.code()).isEqualTo(ErrorCode.CORRUPT);
      assertThat(cluster.read(1, 1, 0, 1).code()).isEqualTo(ErrorCode.CORRUPT);
      bytes[5000] ^= 1;
      Files.write(object, bytes);
      assertThat(ok(cluster.call(1, hash(1))).reply().getHashObject().getSize()).isEqualTo(10_000);
      assertThat(ok(cluster.read(1, 1, 0, 100)).bytes()).hasSize(100);
      assertThat(cluster.read(1, 1, 4096, 100).code()).isEqualTo(ErrorCode.CORRUPT);
    }
  }

  private static Request.Builder hash(long inode) {
    return Request.newBuilder()
        .setHashObject(HashObject.newBuilder().setSet(SET).setInode(inode).setBlocks(100));
  }

  @Test
  void allocatePunchAndZeroDoAsFallocate() throws Exception {
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      ok(cluster.call(1, allocate(cluster, 1, 0, 20_000, true, false, false)));
      assertThat(cluster.stat(1, 1).getSize()).isEqualTo(10_000);
      ok(cluster.call(1, allocate(cluster, 1, 5000, 10_000, true, true, false)));
      assertThat(cluster.stat(1, 1).getSize()).isEqualTo(10_000);
      assertThat(ok(cluster.read(1, 1, 4999, 2)).bytes()).isEqualTo(new byte[] {1, 0});
      ok(cluster.call(1, allocate(cluster, 1, 9000, 3000, false, false, true)));
      assertThat(cluster.stat(1, 1).getSize()).isEqualTo(12_000);
      ok(cluster.call(1, allocate(cluster, 1, 0, 15_000, false, false, false)));
      assertThat(cluster.stat(1, 1).getSize()).isEqualTo(15_000);
      assertThat(cluster.content(1, 1)).startsWith(filled(1, 5000)).endsWith(new byte[10_000]);
      assertThat(cluster.call(1, allocate(cluster, 1, 0, 0, false, false, false)).code())
          .isEqualTo(ErrorCode.INVALID_ARGUMENT);
      assertThat(cluster.call(1, allocate(cluster, 1, 1L << 43, 1, false, false, false)).code())
          .isEqualTo(ErrorCode.FILE_TOO_BIG);
    }
  }

  private static Request.Builder allocate(
      TestCluster cluster,
      long inode,
      long offset,
      long length,
      boolean keepSize,
      boolean punch,
      boolean zero) {
    return Request.newBuilder()
        .setAllocateObject(
            AllocateObject.newBuilder()
                .setContext(cluster.context(inode, LEASE, 1))
                .setOffset(offset)
                .setLength(length)
                .setKeepSize(keepSize)
                .setPunchHole(punch)
                .setZeroRange(zero));
  }

  @Test
  void nothingThatAPeerSaysBreaksTheDaemon() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    long[] numbers = {0, 1, -1, 4095, 4096, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 43, SET};
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      cluster.writeAll(1, LEASE, 1, 0, filled(1, 10_000));
      for (int i = 0; i < 2000; i++) {
        long number = numbers[random.nextInt(numbers.length)];
        long other = numbers[random.nextInt(numbers.length)];
        int small = (int) numbers[random.nextInt(numbers.length)];
        Request.Builder request =
            switch (random.nextInt(8)) {
              case 0 ->
                  Request.newBuilder()
                      .setReadObject(
                          ReadObject.newBuilder()
                              .setContext(cluster.context(1, Token.NONE, 0))
                              .setOffset(number)
                              .setLength(small));
              case 1 ->
                  Request.newBuilder()
                      .setPullObject(
                          PullObject.newBuilder()
                              .setSet(SET)
                              .setInode(1)
                              .setOffset(number)
                              .setLength(small));
              case 2 ->
                  Request.newBuilder()
                      .setHashObject(
                          HashObject.newBuilder()
                              .setSet(SET)
                              .setInode(1)
                              .setOffset(number)
                              .setBlocks(small));
              case 3 -> allocate(cluster, 5 + number, number, other, false, false, false);
              case 4 -> allocate(cluster, 1, number, other, true, random.nextBoolean(), true);
              case 5 -> cluster.write(number, LEASE, other, number);
              case 6 -> settle(cluster, number, new Token(number, other), small);
              default ->
                  Request.newBuilder()
                      .setListObjects(
                          ListObjects.newBuilder()
                              .setSet(random.nextBoolean() ? SET : number)
                              .setCursor(other)
                              .setEntriesMax(small));
            };
        request.setTimeoutMs(small);
        assertThat(cluster.call(1, request, Payload.of(filled(3, random.nextInt(3))))).isNotNull();
      }
      assertThat(cluster.call(1, Request.newBuilder()).code()).isEqualTo(ErrorCode.BAD_REQUEST);
      assertThat(cluster.stat(1, 1).getExists()).isTrue();
    }
  }
}
