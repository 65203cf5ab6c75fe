package io.lockstep.replication.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.message.ReadObject;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.netty.ClientOptions;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyPeers;
import io.lockstep.wire.netty.NettyServer;
import io.lockstep.wire.netty.ServerOptions;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The daemon behind the real transport: payloads arrive whole and are given back. */
@Timeout(120)
class StorageOverNettyTest {
  private static final Token LEASE = new Token(5, 1);
  private static final int SPACE = 8 << 20;

  @TempDir Path root;

  @Test
  void payloadsOfAllSizesGoThroughAndAreGivenBack() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    Credentials credentials = new Credentials(new byte[] {1, 2, 3}, TestCluster.CLUSTER);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    long before = pinned();
    try (TestCluster cluster = new TestCluster(root, 1).start();
        NettyServer server =
            new NettyServer(
                new ServerOptions(
                    "127.0.0.1",
                    0,
                    credentials,
                    Identity.storage(cluster.daemon(1).daemon(), cluster.daemon(1).incarnation()),
                    (thread, problem) -> failure.set(problem)),
                cluster.daemon(1));
        NettyPeers peers =
            new NettyPeers(
                ClientOptions.plain(
                    Identity.of("client"),
                    credentials,
                    (thread, problem) -> failure.set(problem)))) {
      Peer peer = peers.peer("127.0.0.1:" + server.start());
      byte[] model = new byte[SPACE];
      int size = writeAll(cluster, peer, random, model);
      for (int i = 0; i < 100; i++) {
        int offset = random.nextInt(size);
        int length = 1 + random.nextInt(Limits.PAYLOAD_BYTES_MAX);
        byte[] expected = Arrays.copyOfRange(model, offset, Math.min(size, offset + length));
        assertThat(read(cluster, peer, offset, length)).isEqualTo(expected);
      }
      assertThat(failure.get()).isNull();
    }
    assertThat(pinned()).isLessThanOrEqualTo(before);
  }

  private static int writeAll(TestCluster cluster, Peer peer, Random random, byte[] model)
      throws InterruptedException {
    Semaphore free = new Semaphore(16);
    AtomicInteger failed = new AtomicInteger();
    int size = 0;
    // Ranges do not overlap, so that order between them does not matter.
    for (int offset = 0; offset < SPACE - Limits.PAYLOAD_BYTES_MAX; ) {
      byte[] bytes = new byte[1 + random.nextInt(random.nextBoolean() ? 5000 : 300_000)];
      random.nextBytes(bytes);
      System.arraycopy(bytes, 0, model, offset, bytes.length);
      free.acquire();
      peer.call(
          cluster.write(1, LEASE, 1, offset).build(),
          Payload.of(bytes),
          TimeUnit.SECONDS.toNanos(20),
          (reply, payload) -> {
            payload.release();
            failed.addAndGet(reply.getCode() == 0 ? 0 : 1);
            free.release();
          });
      offset += bytes.length;
      size = offset;
    }
    free.acquire(16);
    assertThat(failed.get()).isZero();
    return size;
  }

  private static byte[] read(TestCluster cluster, Peer peer, long offset, int length)
      throws Exception {
    CompletableFuture<byte[]> bytes = new CompletableFuture<>();
    peer.call(
        Request.newBuilder()
            .setReadObject(
                ReadObject.newBuilder()
                    .setContext(cluster.context(1, Token.NONE, 0))
                    .setOffset(offset)
                    .setLength(length))
            .build(),
        TimeUnit.SECONDS.toNanos(20),
        (reply, payload) -> {
          bytes.complete(payload.toByteArray());
          payload.release();
        });
    return bytes.get(20, TimeUnit.SECONDS);
  }

  private static long pinned() {
    return PooledByteBufAllocator.DEFAULT.pinnedDirectMemory();
  }
}
