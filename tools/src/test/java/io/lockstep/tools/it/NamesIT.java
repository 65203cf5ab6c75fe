package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Two mounts of one volume that answer for names out of their directory leases: what one changes,
 * the other sees at its next look; and a mount that dies or stands still holds nobody up for longer
 * than its leases live.
 */
@ExtendWith(FailureWatch.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NamesIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";
  private static final int ROUNDS = Integer.getInteger("names.rounds", 200);
  private static final int LOOKERS = 2;

  /** The lease life; plus 5 s. */
  private static final long WAIT_MS_MAX = 15_000;

  private TestCluster cluster;
  private Path here;
  private Path there;

  /** The directory of a test, of the same name on both. */
  private String top;

  @BeforeAll
  void start() throws Exception {
    cluster = TestCluster.start("names", 1);
    cluster.createVolume(VOLUME, 1);
    here = cluster.mount(TestCluster.MOUNT + "-a", VOLUME);
    there = cluster.mount(TestCluster.MOUNT + "-b", VOLUME);
  }

  @BeforeEach
  void makeDirectory(TestInfo test) throws IOException {
    top = test.getTestMethod().orElseThrow().getName();
    Files.createDirectory(here.resolve(top));
  }

  @AfterAll
  void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  @Test
  void whatOneMountChangesTheOtherSeesAtOnce() throws Exception {
    Path oneSide = here.resolve(top);
    Path otherSide = there.resolve(top);
    Files.createDirectory(oneSide.resolve("d"));
    Files.createDirectory(oneSide.resolve("e"));
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    AtomicBoolean over = new AtomicBoolean();
    ExecutorService lookers = Executors.newFixedThreadPool(LOOKERS);
    try {
      // They lease both directories over and over, on both mounts.
      Future<Long> first = lookers.submit(() -> look(oneSide, over));
      Future<Long> second = lookers.submit(() -> look(otherSide, over));
      for (int i = 0; i < ROUNDS; i++) {
        boolean swap = random.nextBoolean();
        Path changer = swap ? otherSide : oneSide;
        Path seer = swap ? oneSide : otherSide;
        round(changer, seer, random.nextInt(7), i);
      }
      over.set(true);
      assertThat(first.get(60, TimeUnit.SECONDS)).isPositive();
      assertThat(second.get(60, TimeUnit.SECONDS)).isPositive();
    } finally {
      over.set(true);
      lookers.shutdownNow();
    }
  }

  /** Looks at names that come and go; only keeps the leases busy. */
  private static long look(Path mount, AtomicBoolean over) throws IOException {
    long looks = 0;
    while (!over.get()) {
      for (String name : new String[] {"d", "e"}) {
        try (Stream<Path> all = Files.list(mount.resolve(name))) {
          for (Path path : (Iterable<Path>) all::iterator) {
            Files.exists(path, LinkOption.NOFOLLOW_LINKS);
            looks++;
          }
        }
        Files.exists(mount.resolve(name).resolve("file"), LinkOption.NOFOLLOW_LINKS);
        looks++;
      }
    }
    return looks;
  }

  private static void round(Path changer, Path seer, int kind, int number) throws IOException {
    Path file = changer.resolve("d/file");
    Path seen = seer.resolve("d/file");
    Path other = changer.resolve("e/file");
    Path otherSeen = seer.resolve("e/file");
    Files.deleteIfExists(other);
    assertThat(exists(otherSeen)).as("removed, round %d", number).isFalse();
    Files.deleteIfExists(file);
    assertThat(exists(seen)).as("removed, round %d", number).isFalse();
    Files.write(file, new byte[number % 5000]);
    assertThat(Files.size(seen)).as("size, round %d", number).isEqualTo(number % 5000);
    switch (kind) {
      case 0 -> {
        Files.move(file, other);
        assertThat(exists(seen)).as("moved away, round %d", number).isFalse();
        assertThat(exists(otherSeen)).as("moved here, round %d", number).isTrue();
      }
      case 1 -> {
        Set<PosixFilePermission> mode =
            number % 2 == 0
                ? EnumSet.of(PosixFilePermission.OWNER_READ)
                : PosixFilePermissions.fromString("rwxr-x--x");
        Files.setPosixFilePermissions(file, mode);
        assertThat(Files.getPosixFilePermissions(seen))
            .as("mode, round %d", number)
            .isEqualTo(mode);
      }
      case 2 -> {
        Files.createLink(other, file);
        assertThat(Files.getAttribute(seen, "unix:nlink")).as("links").isEqualTo(2);
        Files.delete(seer.resolve("d/file"));
        assertThat(Files.getAttribute(other, "unix:nlink")).as("links").isEqualTo(1);
      }
      case 3 -> {
        String text = "text " + number;
        Files.writeString(seen, text, StandardCharsets.UTF_8);
        assertThat(Files.readString(file)).as("bytes, round %d", number).isEqualTo(text);
        assertThat(Files.size(file)).isEqualTo(text.length());
      }
      case 4 -> {
        Files.createDirectory(other);
        assertThat(Files.isDirectory(otherSeen)).as("made, round %d", number).isTrue();
        Files.createFile(otherSeen.resolve("inner"));
        assertThat(exists(other.resolve("inner"))).as("inner, round %d", number).isTrue();
        Files.delete(other.resolve("inner"));
        assertThat(exists(otherSeen.resolve("inner"))).isFalse();
        Files.delete(otherSeen);
      }
      case 5 -> {
        Files.write(other, new byte[7]);
        Files.move(other, file, StandardCopyOption.ATOMIC_MOVE);
        assertThat(Files.size(seen)).as("replaced, round %d", number).isEqualTo(7);
      }
      default -> {
        Files.setLastModifiedTime(file, FileTime.fromMillis(number * 1000L));
        assertThat(Files.getLastModifiedTime(seen).toMillis())
            .as("time, round %d", number)
            .isEqualTo(number * 1000L);
      }
    }
  }

  private static boolean exists(Path path) throws IOException {
    try {
      Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  @Test
  void mountThatIsKilledHoldsOthersUpForItsLeaseLifeOnly() throws Exception {
    leaseThere();
    cluster.kill(TestCluster.MOUNT + "-b");
    assertThat(timeToChange("killed")).isBetween(1_000L, WAIT_MS_MAX);
    there = cluster.mount(TestCluster.MOUNT + "-b", VOLUME);
  }

  @Test
  void mountThatStandsStillHoldsOthersUpForItsLeaseLifeOnly() throws Exception {
    leaseThere();
    cluster.freeze(TestCluster.MOUNT + "-b");
    long tookMs;
    try {
      tookMs = timeToChange("frozen");
    } finally {
      cluster.resume(TestCluster.MOUNT + "-b");
    }
    assertThat(tookMs).isBetween(1_000L, WAIT_MS_MAX);
    cluster.eventually(
        "the one that woke has a new session and sees it",
        30,
        () -> {
          try {
            boolean seen = exists(changed(there));
            assertThat(seen).as("an answer out of a lease that is over").isTrue();
            return seen;
          } catch (FileSystemException e) {
            return false;
          }
        });
  }

  /** What one mount makes in the directory that the other leases. */
  private Path changed(Path mount) {
    return mount.resolve(top).resolve("new");
  }

  /** The other mount gets the lease of the directory. */
  private void leaseThere() throws IOException {
    // A mount keeps names once its session has been renewed for the first time.
    long fromNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
    cluster.eventually(
        "the lease is held", 10, () -> !exists(changed(there)) && System.nanoTime() - fromNs > 0);
    assertThat(exists(changed(there))).isFalse();
  }

  private long timeToChange(String what) throws Exception {
    long startNs = System.nanoTime();
    CompletableFuture<Void> made =
        CompletableFuture.runAsync(
            () -> {
              try {
                Files.createFile(changed(here));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    made.get(60, TimeUnit.SECONDS);
    long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
    System.out.println("a change beside a mount that was " + what + " took " + tookMs + " ms");
    return tookMs;
  }
}
