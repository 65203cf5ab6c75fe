package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.it.TestCluster.Said;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What becomes of the exclusive lease of a file when its holder is busy, stopped or dead: the
 * others wait no longer than its life, and nothing that the holder does late reaches a replica.
 */
@ExtendWith(FailureWatch.class)
class LeaseHolderIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";

  /** A lease that nobody uses goes after a second. */
  private static final String IDLE = "lease-idle=1";

  /** None is left 2 s later; plus 5 s. */
  private static final int IDLE_SECONDS_MAX = 7;

  private static final int SECONDS = Integer.getInteger("mounts.seconds", 6);
  private static final int GROWING_FILES = 3;
  private static final int THREADS = 8;
  private static final int TRIES = 10;

  /** A third mount's write is done within 1 s; plus 5 s. */
  private static final long FREE_MS_MAX = 6_000;

  /** The life of a lease is 10 s; plus 5 s. */
  private static final long LIFE_MS_MAX = 15_000;

  private static TestCluster cluster;
  private static Path here;
  private static Path there;
  private static Path third;

  private final long seed = Long.getLong("seed", 22);
  private String name;

  @BeforeAll
  static void start() throws Exception {
    cluster = TestCluster.start("holder", 3);
    cluster.createVolume(VOLUME, 3);
    here = cluster.mount("mount-a", VOLUME, IDLE);
    there = cluster.mount("mount-b", VOLUME, IDLE);
    third = cluster.mount("mount-c", VOLUME, IDLE);
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
  }

  private String on(Path mount) {
    return mount + "/" + name;
  }

  /** Does it; how long that took in ms. */
  private static long timed(Threads.Work work) throws Exception {
    long startNs = System.nanoTime();
    work.run();
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
  }

  // ---- busy

  @Test
  void nobodyIsHeldUpAfterManyWritersOfTwoMounts() throws Exception {
    System.out.println(name + " with seed " + seed);
    check("close", C.close(Posix.open(on(here), Posix.O_RDWR | Posix.O_CREAT)));
    long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    AtomicInteger writes = new AtomicInteger();
    Threads threads = new Threads();
    for (int i = 0; i < 2 * THREADS; i++) {
      Path mount = i % 2 == 0 ? here : there;
      SplittableRandom random = new SplittableRandom(seed + i);
      threads.start("writer-" + i, () -> writeUntil(untilNs, mount, random, writes));
    }
    threads.join(SECONDS + 60);
    int fd = Posix.open(on(third), Posix.O_RDWR);
    byte[] last = "the third mount's".getBytes(US_ASCII);
    long ms = timed(() -> Posix.pwrite(fd, last, 0));
    System.out.printf(
        "%s: %d writes of 2 x %d threads, then a write on a third mount took %d ms%n",
        name, writes.get(), THREADS, ms);
    assertThat(writes.get()).isGreaterThan(2 * THREADS);
    assertThat(ms).isLessThan(FREE_MS_MAX);
    provesNoStaleLease();
    check("close", C.close(fd));
    int reader = Posix.open(on(here), Posix.O_RDONLY);
    assertThat(Posix.pread(reader, last.length, 0)).isEqualTo(last);
    check("close", C.close(reader));
    provesEqual();
  }

  /**
   * A page that is read while its lease is to go once kept the lease for a second, and the others'
   * pages for good. And bytes behind the end that a kernel knows were not found while a thread of
   * its mount made the file longer.
   */
  @Test
  void twoMountsThatReadAndWriteSeeEachOthersBytes() throws Exception {
    Path directory = Files.createDirectory(Path.of(on(here)));
    String both = directory + "," + on(there);
    // A file that grows, each time: its end is what the kernels differ in.
    for (int i = 0; i < GROWING_FILES; i++) {
      int seconds = Math.max(1, SECONDS / GROWING_FILES);
      Said said =
          TestCluster.run(
              Map.of(), List.of("stress", both, "--threads=" + THREADS, "--seconds=" + seconds));
      assertThat(said.exitCode()).as(said.out() + said.err()).isZero();
    }
    int readers = 0;
    for (JsonNode mount : json("lock", "dump").path("mounts")) {
      JsonNode counters = mount.path("counters");
      System.out.println(name + ": " + counters);
      assertThat(counters.path("late_drops").asInt(-1)).isZero();
      readers += counters.path("reads").asInt() > 0 && counters.path("recalls").asInt() > 0 ? 1 : 0;
    }
    assertThat(readers).as("mounts that read, and lost their lease").isGreaterThanOrEqualTo(2);
  }

  /** Each lease that lockd lists is listed by its holder, who uses it or is about to let go. */
  private static void provesNoStaleLease() throws Exception {
    Set<String> listed = leases();
    Set<String> held = new HashSet<>();
    for (JsonNode mount : json("lock", "dump").path("mounts")) {
      assertThat(mount.path("problem").asText()).as(mount.toString()).isEmpty();
      for (JsonNode lock : mount.path("locks")) {
        boolean owned = !lock.path("owners").isEmpty();
        boolean idle =
            lock.path("held").asText().isEmpty() || lock.path("held").asText().equals("-");
        assertThat(
                idle || owned || lock.path("timer").asBoolean() || lock.path("release").asBoolean())
            .as("held without owners, timer or release: " + lock)
            .isTrue();
        held.add(mount.path("session").asText() + "/" + lock.path("lease").asText());
      }
    }
    listed.removeAll(held);
    // What was let go in between is no longer listed either.
    listed.retainAll(leases());
    assertThat(listed).as("leases that their holders do not know").isEmpty();
    long ms =
        cluster.eventually("no idle lease is left", IDLE_SECONDS_MAX, () -> leases().isEmpty());
    System.out.println("no lease is left after " + ms + " ms");
  }

  private static Set<String> leases() throws Exception {
    Set<String> leases = new HashSet<>();
    for (JsonNode row : json("lock", "list").path("leases")) {
      if (row.path("mode").asText().equals("EXCLUSIVE")) {
        leases.add(row.path("session").asText() + "/" + row.path("lease").asText());
      }
    }
    return leases;
  }

  private static JsonNode json(String... words) throws Exception {
    List<String> all = new ArrayList<>(List.of(words));
    all.add("--output=json");
    Said said = cluster.lockstep(all.toArray(String[]::new));
    assertThat(said.exitCode()).as(said.err()).isZero();
    return said.json();
  }

  /** Writes one file through a few descriptors that it opens and closes at random. */
  private void writeUntil(long untilNs, Path mount, SplittableRandom random, AtomicInteger writes)
      throws Exception {
    int[] fds = new int[3];
    Arrays.fill(fds, -1);
    while (System.nanoTime() - untilNs < 0) {
      int i = random.nextInt(fds.length);
      if (fds[i] < 0) {
        fds[i] = Posix.open(on(mount), Posix.O_RDWR);
      } else if (random.nextInt(4) == 0) {
        check("close", C.close(fds[i]));
        fds[i] = -1;
      } else if (random.nextInt(20) == 0) {
        check("fsync", C.fsync(fds[i]));
      } else {
        byte[] bytes = new byte[1 + random.nextInt(5_000)];
        random.nextBytes(bytes);
        Posix.pwrite(fds[i], bytes, random.nextInt(200_000));
        writes.incrementAndGet();
      }
    }
    for (int fd : fds) {
      if (fd >= 0) {
        check("close", C.close(fd));
      }
    }
  }

  // ---- stopped

  @Test
  void stoppedHolderDelaysOthersByItsLeaseAndWritesNothingLate() throws Exception {
    int first = Posix.open(on(here), Posix.O_RDWR | Posix.O_CREAT);
    int second = Posix.open(on(here), Posix.O_RDWR);
    byte[] base = marked("base");
    Posix.pwrite(first, base, 0);
    check("fsync", C.fsync(first));
    byte[] late = writesAndStops(first);

    long startNs = System.nanoTime();
    int fd = Posix.open(on(there), Posix.O_RDWR);
    byte[] seen = Posix.pread(fd, base.length, 0);
    long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
    assertThat(seen).as("what was synced before").isEqualTo(base);
    byte[] other = marked("other");
    Posix.pwrite(fd, other, 4096);
    check("fsync", C.fsync(fd));
    System.out.println(name + ": the others waited " + ms + " ms");
    assertThat(ms).isGreaterThan(1_000).isLessThan(LIFE_MS_MAX);

    cluster.resume("mount-a");
    long toldMs = timed(() -> toldOnce(first));
    toldOnce(second);
    System.out.println(name + ": awake, it was told after " + toldMs + " ms");
    byte[] after = marked("after");
    cluster.eventually("the mount that woke up works again", 30, () -> writes(first, after));
    check("close", C.close(first));
    check("close", C.close(second));
    assertThat(Posix.pread(fd, base.length, 0)).isEqualTo(base);
    assertThat(Posix.pread(fd, other.length, 4096)).isEqualTo(other);
    assertThat(Posix.pread(fd, after.length, 8192)).isEqualTo(after);
    check("close", C.close(fd));
    provesEqual();
    assertThat(holds(late)).as("the late write is on a replica").isFalse();
    assertThat(holds(other)).as("the search finds what is there").isTrue();
  }

  /** Stops the mount while it has a write that no member has; the bytes of that write. */
  private byte[] writesAndStops(int fd) throws Exception {
    for (int i = 0; i < TRIES; i++) {
      byte[] late = marked("late" + i);
      Posix.pwrite(fd, late, 0);
      cluster.freeze("mount-a");
      if (!holds(late)) {
        return late;
      }
      // It was sent within a moment; what is there now is the base of the next try.
      cluster.resume("mount-a");
      Posix.pwrite(fd, marked("base"), 0);
      check("fsync", C.fsync(fd));
    }
    throw new AssertionError("INCONCLUSIVE: no write was still waiting when the mount stopped");
  }

  private static boolean writes(int fd, byte[] bytes) {
    try {
      Posix.pwrite(fd, bytes, 8192);
      check("fsync", C.fsync(fd));
      return true;
    } catch (Posix.Failed e) {
      return false;
    }
  }

  /** The descriptor says EIO at its next fsync, and not again. */
  private static void toldOnce(int fd) throws Exception {
    cluster.eventually(
        "the descriptor says EIO",
        20,
        () -> {
          try {
            check("fsync", C.fsync(fd));
            return false;
          } catch (Posix.Failed e) {
            assertThat(e.errno()).isEqualTo(Posix.EIO);
            return true;
          }
        });
    check("fsync again", C.fsync(fd));
  }

  /** 512 bytes that occur nowhere else. */
  private byte[] marked(String word) {
    return (name + "-" + word + "-").repeat(20).substring(0, 512).getBytes(US_ASCII);
  }

  /** Whether any file of any storage daemon contains these bytes. */
  private static boolean holds(byte[] bytes) throws IOException {
    String wanted = new String(bytes, US_ASCII);
    for (int i = 1; i <= 3; i++) {
      try (Stream<Path> files = Files.walk(cluster.directory().data(TestCluster.storage(i)))) {
        List<Path> all = files.filter(Files::isRegularFile).toList();
        for (Path file : all) {
          if (new String(Files.readAllBytes(file), US_ASCII).contains(wanted)) {
            return true;
          }
        }
      }
    }
    return false;
  }

  // ---- dead

  @Test
  void deadHolderDelaysOthersByItsLeaseAndLeavesNoMark() throws Exception {
    int fd = Posix.open(on(here), Posix.O_RDWR | Posix.O_CREAT);
    byte[] base = marked("base");
    Posix.pwrite(fd, base, 0);
    check("fsync", C.fsync(fd));
    Posix.pwrite(fd, marked("flushed"), 4096);
    int other = Posix.open(on(there), Posix.O_RDWR);
    // Under the exclusive lease of the holder again, with a mark on the members.
    Posix.pwrite(fd, marked("again"), 8192);
    cluster.kill("mount-a");
    C.close(fd);
    long ms = timed(() -> Posix.pwrite(other, marked("other"), 4096));
    System.out.println(name + ": the others waited " + ms + " ms");
    assertThat(ms).isGreaterThan(1_000).isLessThan(LIFE_MS_MAX);
    assertThat(Posix.pread(other, base.length, 0)).isEqualTo(base);
    check("close", C.close(other));
    provesEqual();
    here = cluster.mount("mount-a", VOLUME, IDLE);
    assertThat(Files.readAllBytes(here.resolve(name))).startsWith(base);
  }

  private static void provesEqual() throws Exception {
    long ms = cluster.eventually("no mark is left", 30, cluster::hasNoMark);
    System.out.println("clean after " + ms + " ms");
    Said check = cluster.lockstep("volume", "check", VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
    assertThat(check.json().get(0).path("members")).hasSize(3);
  }
}
