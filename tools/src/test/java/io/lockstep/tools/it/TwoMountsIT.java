package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.it.TestCluster.Said;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import jnr.ffi.Pointer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Mounts of one volume in processes of their own: what one has written, the others see, and what
 * several append is all there. Nothing is closed or synced in between.
 */
@ExtendWith(FailureWatch.class)
class TwoMountsIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";
  private static final int READS = Integer.getInteger("mounts.reads", 150);
  private static final int APPENDS = Integer.getInteger("mounts.appends", 500);
  private static final int FILE_BYTES = 256 * 1024;
  private static final int WRITE_BYTES_MAX = 20_000;

  private static TestCluster cluster;
  private static Path here;
  private static Path there;
  private static Path third;

  private final long seed = Long.getLong("seed", 21);
  private final SplittableRandom random = new SplittableRandom(seed);
  private String name;

  @BeforeAll
  static void start() throws Exception {
    cluster = TestCluster.start("two", 3);
    cluster.createVolume(VOLUME, 3);
    here = cluster.mount("mount-a", VOLUME);
    there = cluster.mount("mount-b", VOLUME);
    third = cluster.mount("mount-c", VOLUME);
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  @BeforeEach
  void name(TestInfo test) {
    name = test.getTestMethod().orElseThrow().getName();
    System.out.println(name + " with seed " + seed);
  }

  private String on(Path mount) {
    return mount + "/" + name;
  }

  /** How the other mount looks at what one has written. */
  private interface Look {
    byte[] at(int offset, int length) throws Exception;
  }

  /** Writes here, looks there, at once: the file must be what was written so far. */
  private void neverStale(int writer, Look before, Look after) throws Exception {
    byte[] expected = new byte[FILE_BYTES];
    Posix.pwrite(writer, expected, 0);
    long longestNs = 0;
    int stale = 0;
    for (int i = 0; i < READS; i++) {
      byte[] bytes = new byte[1 + random.nextInt(WRITE_BYTES_MAX)];
      random.nextBytes(bytes);
      int offset = random.nextInt(FILE_BYTES - bytes.length);
      before.at(offset, bytes.length);
      long startNs = System.nanoTime();
      Posix.pwrite(writer, bytes, offset);
      System.arraycopy(bytes, 0, expected, offset, bytes.length);
      int from = Math.max(0, offset - random.nextInt(5_000));
      int to = Math.min(FILE_BYTES, offset + bytes.length + random.nextInt(5_000));
      byte[] seen = after.at(from, to - from);
      longestNs = Math.max(longestNs, System.nanoTime() - startNs);
      stale += Arrays.equals(seen, Arrays.copyOfRange(expected, from, to)) ? 0 : 1;
    }
    System.out.printf(
        "%s: %d stale of %d, longest write and read %d ms%n",
        name, stale, READS, TimeUnit.NANOSECONDS.toMillis(longestNs));
    assertThat(stale).isZero();
  }

  @Test
  void readAfterWriteOnAnotherMountSeesIt() throws Exception {
    int a = Posix.open(on(here), Posix.O_RDWR | Posix.O_CREAT);
    int b = Posix.open(on(there), Posix.O_RDONLY);
    neverStale(a, (at, length) -> new byte[0], (at, length) -> Posix.pread(b, length, at));
    check("close", C.close(a));
    check("close", C.close(b));
  }

  @Test
  void pagesThatBothKernelsKeepAreNeverStale() throws Exception {
    int a = Posix.open(on(here), Posix.O_RDWR | Posix.O_CREAT);
    int b = Posix.open(on(there), Posix.O_RDONLY);
    neverStale(
        a,
        (at, length) -> {
          byte[] same = Posix.pread(a, FILE_BYTES, 0);
          assertThat(Posix.pread(b, FILE_BYTES, 0)).isEqualTo(same);
          return same;
        },
        (at, length) -> Posix.pread(b, length, at));
    check("close", C.close(a));
    check("close", C.close(b));
  }

  @Test
  void mappedPagesAreNeverStale() throws Exception {
    int a = Posix.open(on(here), Posix.O_RDWR | Posix.O_CREAT);
    Posix.pwrite(a, new byte[FILE_BYTES], 0);
    int b = Posix.open(on(there), Posix.O_RDWR);
    Pointer mapped = Posix.mmap(b, FILE_BYTES, Posix.MAP_SHARED);
    Look look =
        (at, length) -> {
          byte[] bytes = new byte[length];
          mapped.get(at, bytes, 0, length);
          return bytes;
        };
    neverStale(a, look, look);
    check("munmap", C.munmap(mapped, FILE_BYTES));
    check("close", C.close(a));
    check("close", C.close(b));
  }

  @Test
  void threeMountsInTurnAlwaysSeeTheLastWrite() throws Exception {
    int[] fds = new int[3];
    Path[] mounts = {here, there, third};
    for (int i = 0; i < 3; i++) {
      fds[i] = Posix.open(on(mounts[i]), Posix.O_RDWR | Posix.O_CREAT);
    }
    int stale = 0;
    long size = 0;
    for (int i = 0; i < READS; i++) {
      byte[] bytes = new byte[1 + random.nextInt(3_000)];
      random.nextBytes(bytes);
      long offset = random.nextInt(FILE_BYTES - bytes.length);
      int writer = random.nextInt(3);
      Posix.pwrite(fds[writer], bytes, offset);
      size = Math.max(size, offset + bytes.length);
      for (int reader = 0; reader < 3; reader++) {
        boolean fresh =
            Posix.stat(on(mounts[reader])).size() == size
                && Arrays.equals(Posix.pread(fds[reader], bytes.length, offset), bytes);
        stale += fresh ? 0 : 1;
      }
    }
    System.out.println(name + ": " + stale + " stale of " + 3 * READS);
    assertThat(stale).isZero();
    for (int fd : fds) {
      check("close", C.close(fd));
    }
  }

  @Test
  void appendsOfTwoMountsAreAllThere() throws Exception {
    Path[] mounts = {here, there};
    int tail = Posix.open(on(third), Posix.O_RDONLY | Posix.O_CREAT);
    long startNs = System.nanoTime();
    AtomicInteger writing = new AtomicInteger(mounts.length);
    Threads threads = new Threads();
    for (int i = 0; i < mounts.length; i++) {
      int writer = i;
      int fd = Posix.open(on(mounts[i]), Posix.O_WRONLY | Posix.O_APPEND);
      threads.start(
          "appender-" + i,
          () -> {
            for (int n = 0; n < APPENDS; n++) {
              Posix.append(fd, AppendLog.record(writer, n));
            }
            writing.decrementAndGet();
            check("close", C.close(fd));
          });
    }
    int looks = 0;
    int growing = 0;
    long before = 0;
    while (writing.get() > 0 && !threads.hasFailed()) {
      byte[] soFar = all(tail);
      assertThat(AppendLog.prefixFlaws(soFar)).as("while they append").isEmpty();
      growing += soFar.length > before ? 1 : 0;
      before = soFar.length;
      looks++;
    }
    threads.join(300);
    long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
    byte[] log = all(tail);
    System.out.printf(
        "%s: 2 x %d appends, %d bytes, in %d ms; %d looks from a third mount, %d saw it grow%n",
        name, APPENDS, log.length, tookMs, looks, growing);
    assertThat(AppendLog.flaws(log, mounts.length, APPENDS)).isEmpty();
    assertThat(growing).as("looks while they appended").isPositive();
    check("close", C.close(tail));
    provesEqual();
    assertThat(Files.readAllBytes(here.resolve(name))).isEqualTo(log);
  }

  private static byte[] all(int fd) throws Posix.Failed {
    byte[] all = new byte[0];
    while (true) {
      byte[] more = Posix.pread(fd, 1 << 20, all.length);
      if (more.length == 0) {
        return all;
      }
      byte[] longer = Arrays.copyOf(all, all.length + more.length);
      System.arraycopy(more, 0, longer, all.length, more.length);
      all = longer;
    }
  }

  private static void provesEqual() throws Exception {
    cluster.eventually("no mark is left", 30, cluster::hasNoMark);
    Said check = cluster.lockstep("volume", "check", VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
  }
}
