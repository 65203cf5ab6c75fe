package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * fcntl and flock locks over two real mounts. To lockd this process is two owners, one at each
 * mount; Java's file locks are those of fcntl, and the command flock uses the others.
 */
@ExtendWith(FailureWatch.class)
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FileLocksIT implements FailureWatch.WithCluster {
  private static final String HERE = TestCluster.MOUNT + "-1";
  private static final String THERE = TestCluster.MOUNT + "-2";
  private static final int COUNTS = Integer.getInteger("mounts.counts", 200);

  /**
   * DESIGN section 6: the locks of a killed client are free within the lease life of 10 s; + 5 s.
   */
  private static final long KILL_MS_MAX = 15_000;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private TestCluster cluster;
  private Path here;
  private Path there;

  @BeforeAll
  void start() throws Exception {
    cluster = TestCluster.start("locks", 3);
    cluster.createVolume("demo", 3);
    here = cluster.mount(HERE, "demo");
    there = cluster.mount(THERE, "demo");
  }

  @AfterAll
  void stop() throws Exception {
    threads.shutdownNow();
    cluster.close();
    assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  private static FileChannel open(Path mount, String name) throws IOException {
    return FileChannel.open(
        mount.resolve(name),
        StandardOpenOption.CREATE,
        StandardOpenOption.READ,
        StandardOpenOption.WRITE);
  }

  private JsonNode fileLocks() throws Exception {
    Said said = cluster.lockstep("lock", "list", "--output=json");
    assertThat(said.exitCode()).as(said.err()).isZero();
    return said.json().path("fileLocks");
  }

  private static int count(FileChannel counter) throws IOException {
    int waited = 0;
    for (int i = 0; i < COUNTS; i++) {
      FileLock lock = counter.tryLock(0, Long.BYTES, false);
      if (lock == null) {
        waited++;
        lock = counter.lock(0, Long.BYTES, false);
      }
      ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
      assertThat(counter.read(number, 0)).isEqualTo(Long.BYTES);
      number.putLong(0, number.getLong(0) + 1).rewind();
      counter.write(number, 0);
      lock.release();
    }
    return waited;
  }

  @Test
  void counterUnderLocksOfTwoMountsIsExact() throws Exception {
    try (FileChannel one = open(here, "counter");
        FileChannel other = open(there, "counter")) {
      one.write(ByteBuffer.allocate(Long.BYTES), 0);
      List<Callable<Integer>> counters = List.of(() -> count(one), () -> count(other));
      int waited = 0;
      for (Future<Integer> done : threads.invokeAll(counters)) {
        waited += done.get();
      }
      ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
      one.read(number, 0);
      assertThat(number.getLong(0)).isEqualTo(2L * COUNTS);
      System.out.println("counted " + 2 * COUNTS + " times, waited " + waited + " times");
      assertThat(waited).as("somebody waited for a lock").isPositive();
    }
  }

  @Test
  void circleOverTwoMountsIsADeadlockAndAnInterruptedWaitLeavesNothing() throws Exception {
    try (FileChannel one = open(here, "circle");
        FileChannel other = open(there, "circle")) {
      FileLock mine = one.lock(0, 1, false);
      FileLock theirs = other.lock(1, 1, false);
      Future<FileLock> waiting = threads.submit(() -> one.lock(1, 1, false));
      cluster.eventually("one waits", 20, () -> waits() == 1);
      assertThatThrownBy(() -> other.lock(0, 1, false))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("deadlock");
      theirs.release();
      waiting.get(20, TimeUnit.SECONDS).release();
      mine.release();
    }
    FileChannel one = open(here, "circle");
    FileLock held = one.lock();
    FileChannel other = open(there, "circle");
    List<Throwable> ends = new ArrayList<>();
    Thread waiter =
        new Thread(
            () -> {
              try {
                other.lock();
              } catch (IOException e) {
                ends.add(e);
              }
            });
    waiter.start();
    cluster.eventually("the other waits", 20, () -> waits() == 1);
    waiter.interrupt();
    waiter.join(TimeUnit.SECONDS.toMillis(20));
    assertThat(ends).hasSize(1).first().isInstanceOf(FileLockInterruptionException.class);
    held.release();
    one.close();
    other.close();
    assertThat(fileLocks()).isEmpty();
  }

  private int waits() throws Exception {
    int waits = 0;
    for (JsonNode lock : fileLocks()) {
      waits += lock.path("waiting").asBoolean() ? 1 : 0;
    }
    return waits;
  }

  @Test
  void flockHoldsAcrossMountsAndAKilledWaiterLeavesNothing() throws Exception {
    open(here, "file").close();
    Process holder = flock(here, "-x", "cat");
    cluster.eventually("the file is locked", 20, () -> fileLocks().size() == 1);
    assertThat(flock(there, "-n", "true").waitFor()).isEqualTo(1);
    Process waiter = flock(there, "-x", "true");
    cluster.eventually("the waiter waits", 20, () -> waits() == 1);
    waiter.destroy();
    assertThat(waiter.waitFor(20, TimeUnit.SECONDS)).as("a killed waiter ends").isTrue();
    holder.getOutputStream().close();
    assertThat(holder.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(fileLocks()).isEmpty();
    assertThat(flock(there, "-n", "true").waitFor()).isZero();
  }

  private static Process flock(Path mount, String option, String command) throws IOException {
    return new ProcessBuilder("flock", option, mount.resolve("file").toString(), command)
        .redirectErrorStream(true)
        .start();
  }

  @Test
  void killedMountLosesItsLocksWithinTheLeaseLife() throws Exception {
    FileChannel one = open(here, "file");
    assertThat(one.lock()).isNotNull();
    try (FileChannel other = open(there, "file")) {
      assertThat(other.tryLock()).isNull();
      Future<FileLock> waiting = threads.submit(() -> other.lock());
      cluster.eventually("the other waits", 20, () -> waits() == 1);
      long startNs = System.nanoTime();
      cluster.kill(HERE);
      FileLock got = waiting.get(60, TimeUnit.SECONDS);
      long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
      System.out.println("the lock of a killed mount was free after " + ms + " ms");
      assertThat(ms).isLessThan(KILL_MS_MAX);
      got.release();
    } finally {
      closeDead(one);
    }
    here = cluster.mount(HERE, "demo");
  }

  /** Its mount is dead, so close(2) says so. */
  private static void closeDead(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      System.out.println("close on a dead mount: " + e.getMessage());
    }
  }

  @Test
  void locksOutliveARestartOfTheMaster() throws Exception {
    try (FileChannel one = open(here, "file");
        FileChannel other = open(there, "file")) {
      FileLock held = one.lock();
      Future<FileLock> waiting = threads.submit(() -> other.lock());
      cluster.eventually("the other waits", 20, () -> waits() == 1);
      cluster.kill(TestCluster.MASTER);
      cluster.startMaster();
      cluster.ready(TestCluster.MASTER);
      cluster.eventually("the lock is told to the new master", 30, () -> fileLocks().size() == 2);
      assertThat(waiting.isDone()).isFalse();
      held.release();
      waiting.get(30, TimeUnit.SECONDS).release();
    } catch (ExecutionException e) {
      cluster.fail();
      throw e;
    }
  }
}
