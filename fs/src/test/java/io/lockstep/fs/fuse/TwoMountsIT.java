package io.lockstep.fs.fuse;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static io.lockstep.fs.fuse.Posix.path;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two mounts of one volume: what one kernel does not know of the other. */
@Timeout(60)
class TwoMountsIT {
  private static Scratch scratch;
  private static MountProcess process;
  private static Path here;
  private static Path there;

  @BeforeAll
  static void mount() throws IOException {
    scratch = new Scratch();
    here = scratch.directory("here");
    there = scratch.directory("there");
    process = MountProcess.start(here.toString(), there.toString());
  }

  @AfterAll
  static void unmount() throws IOException {
    if (process != null) {
      process.close();
    }
    scratch.close();
  }

  private static int make(Path mount, String name, String text) throws Posix.Failed {
    int fd = Posix.open(mount + "/" + name, Posix.O_RDWR | Posix.O_CREAT);
    Posix.pwrite(fd, text.getBytes(UTF_8), 0);
    return fd;
  }

  private static String read(int fd) throws Posix.Failed {
    return new String(Posix.pread(fd, 100, 0), UTF_8);
  }

  /** Close-to-open: names and attributes that the kernel keeps for an hour are right at open(2). */
  @Test
  void whatWasClosedOnOneIsSeenByOpenOnTheOther() throws Exception {
    Path first = scratch.directory("loose-a");
    Path second = scratch.directory("loose-b");
    try (MountProcess loose = MountProcess.start("loose", first.toString(), second.toString())) {
      Files.writeString(first.resolve("file"), "one");
      assertThat(Files.readString(second.resolve("file"))).isEqualTo("one");
      Files.writeString(first.resolve("file"), "longer than one");
      assertThat(Files.readString(second.resolve("file"))).isEqualTo("longer than one");
      // Looked at, and not read: nothing is leased there that could be recalled.
      Files.createFile(first.resolve("grown"));
      assertThat(Files.size(second.resolve("grown"))).isZero();
      Files.writeString(first.resolve("grown"), "not empty");
      assertThat(Files.readString(second.resolve("grown"))).isEqualTo("not empty");
      assertThat(loose.isAlive()).isTrue();
    }
  }

  @Test
  void fileThatAnotherMountReplacesStaysItselfForThoseWhoHaveItOpen() throws Exception {
    int old = make(here, "replaced", "old");
    check("close", C.close(make(there, "new", "new")));
    check("rename", C.rename(path(there + "/new"), path(there + "/replaced")));
    int young = Posix.open(here + "/replaced", Posix.O_RDONLY);
    assertThat(read(young)).isEqualTo("new");
    assertThat(read(old)).isEqualTo("old");
    assertThat(Posix.fstat(old).nlink()).isZero();
    assertThat(Posix.fstat(young).nlink()).isEqualTo(1);
    check("close", C.close(old));
    check("close", C.close(young));
  }

  @Test
  void changesOfOneMountAreSeenByTheNextStatOfTheOther() throws Exception {
    int fd = make(here, "seen", "1");
    assertThat(Posix.stat(there + "/seen").size()).isEqualTo(1);
    Posix.pwrite(fd, "12345".getBytes(UTF_8), 0);
    assertThat(Posix.stat(there + "/seen").size()).isEqualTo(5);
    check("link", C.link(path(here + "/seen"), path(here + "/seen2")));
    assertThat(Posix.stat(there + "/seen").nlink()).isEqualTo(2);
    check("unlink", C.unlink(path(there + "/seen")));
    assertThat(Posix.fstat(fd).nlink()).isEqualTo(1);
    assertThat(C.open(path(here + "/seen"), Posix.O_RDONLY, 0)).isNegative();
    check("close", C.close(fd));
  }

  @Test
  void appendersOfTwoMountsReadWhatIsThere() throws Exception {
    int a = Posix.open(here + "/log", Posix.O_RDWR | Posix.O_CREAT | Posix.O_APPEND);
    int b = Posix.open(there + "/log", Posix.O_RDWR | Posix.O_CREAT | Posix.O_APPEND);
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 5; i++) {
      Posix.append(a, ("a" + i).getBytes(UTF_8));
      Posix.append(b, ("b" + i).getBytes(UTF_8));
      all.append('a').append(i).append('b').append(i);
    }
    // What the kernel kept was at the wrong place; it is told so in the background.
    Awaitility.await()
        .atMost(5, TimeUnit.SECONDS)
        .untilAsserted(() -> assertThat(read(a)).isEqualTo(all.toString()));
    int fresh = Posix.open(there + "/log", Posix.O_RDONLY);
    assertThat(read(fresh)).isEqualTo(all.toString());
    check("close", C.close(a));
    check("close", C.close(b));
    check("close", C.close(fresh));
  }

  /**
   * While the kernel makes a file longer it takes no size from an answer: it has to be told in
   * another way what the other mount has written behind that ({@link KernelSizes}).
   */
  @Test
  void bytesBehindTheEndThatAWriterOfTheSameMountMovesAreFound() throws Exception {
    int far = 1 << 16;
    byte[] text = "far".getBytes(UTF_8);
    long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
    int rounds = 0;
    ExecutorService threads = Executors.newSingleThreadExecutor();
    try {
      while (rounds < 3 || (rounds < 100 && System.nanoTime() - endNs < 0)) {
        rounds++;
        String name = "/grown" + rounds;
        int writer = Posix.open(there + name, Posix.O_RDWR | Posix.O_CREAT);
        int a = Posix.open(here + name, Posix.O_RDWR);
        int b = Posix.open(there + name, Posix.O_RDONLY);
        AtomicInteger written = new AtomicInteger();
        AtomicBoolean enough = new AtomicBoolean();
        Future<?> writes =
            threads.submit(
                () -> {
                  while (!enough.get() && written.get() < far) {
                    Posix.pwrite(writer, new byte[1], written.getAndIncrement());
                  }
                  return null;
                });
        while (written.get() < 10 && !writes.isDone()) {
          Thread.onSpinWait();
        }
        Posix.pwrite(a, text, far);
        byte[] found = Posix.pread(b, text.length, far);
        int writtenThen = written.get();
        enough.set(true);
        writes.get(20, TimeUnit.SECONDS);
        assertThat(writtenThen).as("INCONCLUSIVE: the writer was done").isLessThan(far);
        assertThat(found).as("round %d", rounds).isEqualTo(text);
        check("close", C.close(a));
        check("close", C.close(b));
        check("close", C.close(writer));
      }
    } finally {
      threads.shutdownNow();
    }
    System.out.println("found in " + rounds + " files that grew on two mounts");
  }
}
