package io.lockstep.replication.server;

import io.lockstep.core.Token;
import io.lockstep.wire.Payload;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/** Confined to its main. Writes per second into one daemon in this process, from a few callers. */
final class StorageBenchmark {
  private static final int OUTSTANDING = 16;

  private StorageBenchmark() {}

  public static void main(String[] arguments) throws Exception {
    Path root =
        Files.createTempDirectory(
            Path.of(arguments.length > 0 ? arguments[0] : "/tmp"), "lockstep-bench");
    try (TestCluster cluster = new TestCluster(root, 1).start()) {
      for (int round = 0; round < 3; round++) {
        run(cluster, 4096, 200_000, 1);
        run(cluster, 4096, 200_000, 64);
        run(cluster, 131_072, 16_000, 4);
        marks(cluster, 2000, round);
      }
    }
  }

  /** Writes in one cycle: the mark stands. */
  private static void run(TestCluster cluster, int size, int count, int files) throws Exception {
    ByteBuffer bytes = ByteBuffer.allocateDirect(size);
    Semaphore free = new Semaphore(OUTSTANDING);
    AtomicLong failed = new AtomicLong();
    long start = System.nanoTime();
    for (int i = 0; i < count; i++) {
      free.acquire();
      long offset = (long) (i / files) * size % (64L << 20);
      cluster
          .peers()
          .peer(TestCluster.address(1))
          .call(
              cluster.write(100 + i % files, new Token(1, 1), 1, offset).build(),
              Payload.of(bytes),
              4_000_000_000L,
              (reply, payload) -> {
                payload.release();
                failed.addAndGet(reply.getCode() == 0 ? 0 : 1);
                free.release();
              });
    }
    free.acquire(OUTSTANDING);
    report(size + " B, " + files + " files", count, (long) count * size, start, failed.get());
  }

  /** Each write begins a cycle of a file of its own: one durable mark each. */
  private static void marks(TestCluster cluster, int count, int round) throws Exception {
    ByteBuffer bytes = ByteBuffer.allocateDirect(4096);
    Semaphore free = new Semaphore(OUTSTANDING);
    AtomicLong failed = new AtomicLong();
    long start = System.nanoTime();
    for (int i = 0; i < count; i++) {
      free.acquire();
      cluster
          .peers()
          .peer(TestCluster.address(1))
          .call(
              cluster.write(10_000L + i, new Token(1, 1), 10 + round, 0).build(),
              Payload.of(bytes),
              4_000_000_000L,
              (reply, payload) -> {
                payload.release();
                failed.addAndGet(reply.getCode() == 0 ? 0 : 1);
                free.release();
              });
    }
    free.acquire(OUTSTANDING);
    report("4096 B, new mark each", count, (long) count * 4096, start, failed.get());
  }

  private static void report(String what, int count, long bytes, long startNs, long failed) {
    double seconds = (System.nanoTime() - startNs) / 1e9;
    System.out.printf(
        Locale.ROOT,
        "%-24s %9.0f/s %8.1f MB/s  failed %d%n",
        what,
        count / seconds,
        bytes / seconds / 1e6,
        failed);
  }
}
