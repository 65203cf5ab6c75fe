package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Outcome;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many real threads on two mounts of one file: each owns a cell, writes it through one mount, reads
 * it through the other, and must see its last value; and none of many appends is lost.
 */
@Timeout(120)
class ReplicationClientStressTest {
  private static final int THREADS = 8;
  private static final int ROUNDS = 300;
  private static final int CELL = 8;
  private static final long SEED = Long.getLong("seed", 0);

  private final RealTime time = new RealTime();
  private final FakeCluster cluster = new FakeCluster(time);
  private final List<FileContent> files = new ArrayList<>();

  private interface Work {
    void run(int thread, Random random) throws Outcome;
  }

  private void openOnTwoMounts() {
    for (int i = 0; i < 2; i++) {
      files.add(cluster.mount().open(1));
    }
  }

  private void inThreads(Work work) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int thread = t;
        running.add(
            threads.submit(
                () -> {
                  work.run(thread, new Random(SEED + thread));
                  return null;
                }));
      }
      for (Future<?> future : running) {
        future.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private void atRest() {
    for (FakeCluster.Mount mount : cluster.mounts) {
      mount.client.close();
    }
    time.pass(TimeUnit.MILLISECONDS.toNanos(200));
    assertThat(time.failure.get()).isNull();
    assertThat(cluster.lockd.heldCount()).isZero();
    assertThat(cluster.lockd.uncleanEnds).isZero();
    cluster.checkAtRest(1);
    time.close();
  }

  @Test
  void eachThreadReadsItsLastWriteThroughTheOtherMount() throws Exception {
    openOnTwoMounts();
    inThreads(
        (thread, random) -> {
          Descriptor[] descriptors = {
            files.get(0).newDescriptor(false), files.get(1).newDescriptor(thread % 4 == 0)
          };
          long offset = (long) thread * CELL;
          for (int i = 1; i <= ROUNDS; i++) {
            int mount = random.nextInt(20) == 0 ? 1 : 0;
            ByteBuffer value = ByteBuffer.allocate(CELL).putLong(i).flip();
            files.get(mount).write(offset, value, random.nextInt(50) == 0, descriptors[mount]);
            int other = random.nextInt(20) == 0 ? 1 - mount : mount;
            ByteBuffer read = ByteBuffer.allocate(CELL);
            files.get(other).read(offset, read);
            assertThat(read.flip().getLong()).as("thread %d", thread).isEqualTo(i);
            if (random.nextInt(40) == 0) {
              files.get(mount).fsync(descriptors[mount], true);
            }
          }
        });
    atRest();
  }

  @Test
  void noAppendIsLost() throws Exception {
    openOnTwoMounts();
    inThreads(
        (thread, random) -> {
          FileContent file = files.get(thread % 2);
          Descriptor descriptor = file.newDescriptor(false);
          for (int i = 0; i < ROUNDS; i++) {
            ByteBuffer value = ByteBuffer.allocate(CELL).putLong(((long) thread << 32) | i).flip();
            file.write(-1, value, false, descriptor);
            if (i % 10 == 0) {
              file.flush(descriptor);
            }
          }
        });
    ByteBuffer all = ByteBuffer.allocate(2 * THREADS * ROUNDS * CELL);
    int count = files.get(0).read(0, all);
    assertThat(count).isEqualTo(THREADS * ROUNDS * CELL);
    long[] next = new long[THREADS];
    all.flip();
    while (all.hasRemaining()) {
      long value = all.getLong();
      int thread = (int) (value >>> 32);
      assertThat(value & 0xffffffffL).as("append of thread %d", thread).isEqualTo(next[thread]);
      next[thread]++;
    }
    atRest();
  }
}
