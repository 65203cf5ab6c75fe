package io.lockstep.fs.fuse;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How mounts begin and end. */
@Timeout(120)
class MountLifecycleIT {
  private static final String LOG_LINE = "\\d\\d:\\d\\d:\\d\\d\\.\\d{3} .*";

  private static final String CONNECTIONS = "/sys/fs/fuse/connections";

  private static final int SIGKILL = 9;

  private Scratch scratch;
  private Path mountPoint;

  @BeforeEach
  void make() throws IOException {
    scratch = new Scratch();
    mountPoint = scratch.directory("mount");
  }

  @AfterEach
  void remove() throws IOException {
    while (MountProcess.isMounted(mountPoint)) {
      assertThat(FuseSystem.unmount(mountPoint, true, TimeUnit.SECONDS.toNanos(5))).isTrue();
    }
    scratch.close();
  }

  private static void refused(String because, String... arguments) throws Exception {
    MountProcess process = MountProcess.launch(arguments);
    try {
      assertThat(process.awaitExit()).isEqualTo(1);
      assertThat(process.said().lines().filter(line -> !line.matches(LOG_LINE))).hasSize(1);
      assertThat(process.said()).contains(because);
    } finally {
      process.kill();
    }
  }

  @Test
  void missingMountPointIsRefused() throws Exception {
    refused("missing does not exist", scratch.path() + "/missing");
  }

  @Test
  void fileIsRefusedAsMountPoint() throws Exception {
    Path file = Files.createFile(scratch.path().resolve("file"));
    refused("file is not a directory", file.toString());
  }

  @Test
  void directoryThatHoldsFilesIsRefusedUnlessTold() throws Exception {
    Path file = Files.createFile(mountPoint.resolve("file"));
    refused("is not empty", mountPoint.toString());
    try (MountProcess process = MountProcess.start("nonempty", mountPoint.toString())) {
      assertThat(process.isAlive()).isTrue();
      assertThat(Files.exists(file)).isFalse();
    }
    assertThat(Files.exists(file)).isTrue();
  }

  @Test
  void livingMountIsRefusedAsMountPoint() throws Exception {
    try (MountProcess first = MountProcess.start(mountPoint.toString())) {
      Files.createFile(mountPoint.resolve("file"));
      refused("is already a mount point (fuse.lockstep)", mountPoint.toString());
      assertThat(first.isAlive()).isTrue();
      assertThat(Files.exists(mountPoint.resolve("file"))).isTrue();
    }
  }

  @Test
  void mountThatStandsStillIsNotTakenForDead() throws Exception {
    try (MountProcess first = MountProcess.start(mountPoint.toString())) {
      Files.createFile(mountPoint.resolve("file"));
      first.signal(Posix.SIGSTOP);
      try {
        refused("lockstep umount --force " + mountPoint, mountPoint.toString());
      } finally {
        first.signal(Posix.SIGCONT);
      }
      assertThat(Files.exists(mountPoint.resolve("file"))).isTrue();
    }
  }

  @Test
  void mountPointWithASpaceAndAnUmlautWorks() throws Exception {
    Path odd = scratch.directory("a b\\c");
    try (MountProcess process = MountProcess.start(odd.toString())) {
      Files.createFile(odd.resolve("file"));
      assertThat(FuseSystem.unmount(odd, false, TimeUnit.SECONDS.toNanos(5))).isTrue();
      assertThat(process.awaitExit()).isZero();
    }
    assertThat(Files.exists(odd.resolve("file"))).isFalse();
  }

  @Test
  void unmountingFromOutsideEndsTheProcess() throws Exception {
    try (MountProcess process = MountProcess.start(mountPoint.toString())) {
      assertThat(FuseSystem.unmount(mountPoint, false, TimeUnit.SECONDS.toNanos(5))).isTrue();
      assertThat(process.awaitExit()).isZero();
    }
  }

  @Test
  void oneMebibyteIsOneRequestAndAWriteNeedsNoOther() throws Exception {
    try (MountProcess process = MountProcess.start("count", mountPoint.toString())) {
      int fd = Posix.open(mountPoint + "/file", Posix.O_RDWR | Posix.O_CREAT | Posix.O_DIRECT);
      byte[] bytes = new byte[1 << 20];
      for (int i = 0; i < 10; i++) {
        Posix.pwrite(fd, bytes, (long) i << 20);
        assertThat(Posix.pread(fd, 1 << 20, (long) i << 20)).hasSize(1 << 20);
      }
      Posix.C.close(fd);
      assertThat(FuseSystem.unmount(mountPoint, false, TimeUnit.SECONDS.toNanos(5))).isTrue();
      assertThat(process.awaitExit()).isZero();
      // A buffer of the application that is no whole number of pages takes one more.
      assertThat(count(process.said(), "WRITE")).isBetween(10, 20);
      assertThat(count(process.said(), "READ")).isBetween(10, 20);
      assertThat(count(process.said(), "GETXATTR")).isLessThanOrEqualTo(1);
    }
  }

  /** P12: whoever waits for a lease does not make others wait. */
  @Test
  void aHundredThatWaitLeaveRoomForOthers() throws Exception {
    int readers = 100;
    ExecutorService threads = Executors.newFixedThreadPool(readers);
    try (MountProcess process = MountProcess.start(mountPoint.toString())) {
      int fd = Posix.open(mountPoint + "/file", Posix.O_RDWR | Posix.O_CREAT | Posix.O_DIRECT);
      Posix.pwrite(fd, Arrays.copyOf("gate".getBytes(US_ASCII), 4096), 0);
      List<Future<byte[]>> reads = new ArrayList<>();
      for (int i = 0; i < readers; i++) {
        reads.add(threads.submit(() -> Posix.pread(fd, 4096, 0)));
      }
      Files.createFile(mountPoint.resolve("other"));
      assertThat(Files.exists(mountPoint.resolve("other"))).isTrue();
      assertThat(reads).noneMatch(Future::isDone);
      Posix.pwrite(fd, Arrays.copyOf("open".getBytes(US_ASCII), 4096), 0);
      for (Future<byte[]> read : reads) {
        assertThat(read.get()).startsWith("open".getBytes(US_ASCII));
      }
      Posix.C.close(fd);
      assertThat(process.isAlive()).isTrue();
    } finally {
      threads.shutdownNow();
    }
  }

  private static int count(String said, String kind) {
    Matcher matcher = Pattern.compile("kind=" + kind + ", ended=(\\d+)").matcher(said);
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
  }

  @Test
  void sigtermUnmounts() throws Exception {
    try (MountProcess process = MountProcess.start(mountPoint.toString())) {
      long start = System.nanoTime();
      process.terminate();
      assertThat(process.awaitExit()).isEqualTo(143);
      System.out.println("SIGTERM to exit: " + (System.nanoTime() - start) / 1_000_000 + " ms");
      assertThat(MountProcess.isMounted(mountPoint)).isFalse();
    }
  }

  @Test
  void sigtermEndsAMountThatIsInUse() throws Exception {
    try (MountProcess process = MountProcess.start(mountPoint.toString())) {
      int fd = Posix.open(mountPoint + "/file", Posix.O_RDWR | Posix.O_CREAT);
      Process inside = new ProcessBuilder("sleep", "100").directory(mountPoint.toFile()).start();
      try {
        process.terminate();
        assertThat(process.awaitExit()).isEqualTo(143);
        assertThat(MountProcess.isMounted(mountPoint)).isFalse();
        assertThat(Posix.C.pwrite(fd, new byte[1], 1, 0)).isNegative();
      } finally {
        inside.destroyForcibly();
        Posix.C.close(fd);
      }
    }
  }

  @Test
  void killedProcessLeavesAMountPointThatTheNextMountClears() throws Exception {
    for (int round = 0; round < 3; round++) {
      try (MountProcess process = MountProcess.start(mountPoint.toString())) {
        int fd = Posix.open(mountPoint + "/file", Posix.O_RDWR | Posix.O_CREAT);
        process.kill();
        assertThat(MountProcess.isMounted(mountPoint)).isTrue();
        assertThat(Posix.C.pwrite(fd, new byte[1], 1, 0)).isNegative();
        Posix.C.close(fd);
        try (MountProcess next = MountProcess.start(mountPoint.toString())) {
          Files.createFile(mountPoint.resolve("other"));
          assertThat(next.isAlive()).isTrue();
        }
      }
    }
    assertThat(mountPoint.toFile().list()).isEmpty();
  }

  /**
   * A thread that drops pages waits for one that is being read, and the read for an answer: without
   * the watching child the connection would stay open, and the reader wait for ever.
   */
  @Test
  void whoReadsFromAMountThatIsKilledWhileItDropsPagesGetsAnError() throws Exception {
    assertThat(readerEndsWhenItsMountIsKilled(10, mountPoint.toString())).isTrue();
  }

  @Test
  void withoutTheWatchingChildHeWaits() throws Exception {
    assertThat(readerEndsWhenItsMountIsKilled(3, "unwatched", mountPoint.toString())).isFalse();
  }

  private boolean readerEndsWhenItsMountIsKilled(int seconds, String... arguments)
      throws Exception {
    boolean shown = showConnections();
    Path file = mountPoint.resolve("file");
    try (MountProcess process = MountProcess.start(arguments)) {
      long connection = new MountPoint(mountPoint).row().orElseThrow().device();
      int fd = Posix.open(file.toString(), Posix.O_RDWR | Posix.O_CREAT | Posix.O_DIRECT);
      Posix.pwrite(fd, Arrays.copyOf("gate".getBytes(US_ASCII), 4096), 0);
      Posix.C.close(fd);
      int log = Posix.open(file.toString(), Posix.O_WRONLY | Posix.O_APPEND);
      Process reader =
          new ProcessBuilder("cat", file.toString())
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      try {
        Awaitility.await("a page is dropped while it is read, else INCONCLUSIVE")
            .atMost(20, TimeUnit.SECONDS)
            .until(
                () -> {
                  // What the kernel keeps of a file that was appended to is dropped.
                  Posix.append(log, new byte[4096]);
                  return process.isStuck("fuse-invalidate");
                });
        // Nothing of this process is open there when the other one is killed.
        Posix.check("close", Posix.C.close(log));
        process.signal(SIGKILL);
        boolean ends = reader.waitFor(seconds, TimeUnit.SECONDS);
        assertThat(ends && reader.exitValue() == 0).as("the reader got no error").isFalse();
        return ends;
      } finally {
        FuseSystem.abort(connection);
      }
    } finally {
      if (shown) {
        run("umount", "-l", CONNECTIONS);
      }
    }
  }

  /** As every machine that was booted by systemd has it; true if that was missing. */
  private static boolean showConnections() {
    return run("mountpoint", "-q", CONNECTIONS) != 0
        && run("mount", "-t", "fusectl", "fusectl", CONNECTIONS) == 0;
  }

  private static int run(String... command) {
    return FuseSystem.run(List.of(command), TimeUnit.SECONDS.toNanos(10));
  }

  @Test
  void readOnlyMountRefusesChanges() throws Exception {
    try (MountProcess process = MountProcess.start("ro", mountPoint.toString())) {
      byte[] file = Posix.path(mountPoint + "/file");
      assertThat(Posix.C.open(file, Posix.O_RDWR | Posix.O_CREAT, 0600)).isNegative();
      assertThat(mountPoint.toFile().list()).isEmpty();
      assertThat(process.isAlive()).isTrue();
    }
  }
}
