package io.lockstep.fs.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Locks by fcntl (which Java's file locks are) and flock: this process at two mounts is two. */
@Timeout(120)
class FileLocksIT {
  /** More than there are threads for all of both mounts together. */
  private static final int WAITERS = 60;

  private static Scratch scratch;
  private static MountProcess process;
  private static Path here;
  private static Path there;
  private static ExecutorService threads;

  @BeforeAll
  static void mount() throws IOException {
    scratch = new Scratch();
    here = scratch.directory("here");
    there = scratch.directory("there");
    process = MountProcess.start(here.toString(), there.toString());
    threads = Executors.newCachedThreadPool();
  }

  @AfterAll
  static void unmount() throws IOException {
    threads.shutdownNow();
    if (process != null) {
      process.close();
    }
    scratch.close();
  }

  private static FileChannel open(Path mount, String name) throws IOException {
    return FileChannel.open(
        mount.resolve(name),
        StandardOpenOption.CREATE,
        StandardOpenOption.READ,
        StandardOpenOption.WRITE);
  }

  @Test
  void rangesExcludeEachOtherAndCloseLetsGo() throws Exception {
    try (FileChannel other = open(there, "ranges")) {
      FileChannel one = open(here, "ranges");
      one.lock(10, 10, true);
      assertThat(other.tryLock(0, 15, false)).isNull();
      try (FileLock shared = other.tryLock(0, 15, true)) {
        assertThat(shared).isNotNull();
      }
      try (FileLock beside = other.tryLock(20, Long.MAX_VALUE - 20, false)) {
        assertThat(beside).isNotNull();
      }
      one.close();
      try (FileLock all = other.tryLock()) {
        assertThat(all).isNotNull();
      }
    }
  }

  @Test
  void blockedLockIsGrantedWhenTheHolderLetsGo() throws Exception {
    try (FileChannel one = open(here, "blocked");
        FileChannel other = open(there, "blocked")) {
      FileLock held = one.lock();
      Future<FileLock> waiting = threads.submit(() -> other.lock());
      assertThatThrownBy(() -> waiting.get(1, TimeUnit.SECONDS)).hasNoCause();
      held.release();
      waiting.get(10, TimeUnit.SECONDS).release();
    }
  }

  @Test
  void interruptedWaitLeavesNothing() throws Exception {
    FileChannel one = open(here, "interrupted");
    FileLock held = one.lock();
    List<Throwable> ends = new ArrayList<>();
    FileChannel other = open(there, "interrupted");
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
    waiter.join(500);
    waiter.interrupt();
    waiter.join(10_000);
    assertThat(ends).hasSize(1).first().isInstanceOf(FileLockInterruptionException.class);
    held.release();
    try (FileLock again = one.tryLock()) {
      assertThat(again).isNotNull();
    }
    one.close();
  }

  @Test
  void circleIsADeadlock() throws Exception {
    try (FileChannel one = open(here, "circle");
        FileChannel other = open(there, "circle")) {
      FileLock mine = one.lock(0, 1, false);
      FileLock theirs = other.lock(1, 1, false);
      Future<FileLock> first = threads.submit(() -> one.lock(1, 1, false));
      Future<FileLock> second = threads.submit(() -> other.lock(0, 1, false));
      // Whoever comes second closes the circle, and lets the other go on.
      Awaitility.await()
          .atMost(10, TimeUnit.SECONDS)
          .until(() -> first.isDone() || second.isDone());
      boolean firstRefused = first.isDone();
      assertThatThrownBy(() -> (firstRefused ? first : second).get())
          .isInstanceOf(ExecutionException.class)
          .hasMessageContaining("deadlock");
      (firstRefused ? mine : theirs).release();
      (firstRefused ? second : first).get(10, TimeUnit.SECONDS).release();
    }
  }

  @Test
  void lockOfAnOpenFileDescriptionEndsWithIt() throws Exception {
    try (FileChannel other = open(there, "description")) {
      int fd = Posix.open(here + "/description", Posix.O_RDWR);
      Posix.lockDescription(fd);
      assertThat(other.tryLock()).isNull();
      Posix.check("close", Posix.C.close(fd));
      // The kernel tells of the last close behind the close.
      Awaitility.await().atMost(10, TimeUnit.SECONDS).until(() -> isFree(other));
    }
  }

  private static boolean isFree(FileChannel file) throws IOException {
    try (FileLock lock = file.tryLock()) {
      return lock != null;
    }
  }

  @Test
  void waitersTakeNoThreadsFromOthers() throws Exception {
    List<FileChannel> open = new ArrayList<>();
    List<Future<FileLock>> waiting = new ArrayList<>();
    for (int i = 0; i < WAITERS; i++) {
      FileChannel one = open(here, "many" + i);
      one.lock();
      open.add(one);
      FileChannel other = open(there, "many" + i);
      open.add(other);
      waiting.add(threads.submit(() -> other.lock()));
    }
    Files.writeString(there.resolve("free"), "free");
    assertThat(Files.readString(there.resolve("free"))).isEqualTo("free");
    assertThat(waiting).noneMatch(Future::isDone);
    long serving = process.threads("fuse-") - process.threads("fuse-invalidate");
    assertThat(serving).isLessThan(WAITERS);
    for (int i = 0; i < WAITERS; i++) {
      open.get(2 * i).close();
      waiting.get(i).get(30, TimeUnit.SECONDS);
      open.get(2 * i + 1).close();
    }
  }

  @Test
  void flockHoldsAcrossMountsAndAKilledWaiterLeavesNothing() throws Exception {
    open(here, "flock").close();
    Process holder = flock(here, "-x", "cat");
    while (flock(there, "-n", "true").waitFor() == 0) {
      assertThat(holder.isAlive()).isTrue();
    }
    Process waiter = flock(there, "-x", "true");
    assertThat(waiter.waitFor(500, TimeUnit.MILLISECONDS)).isFalse();
    waiter.destroy();
    assertThat(waiter.waitFor(10, TimeUnit.SECONDS)).as("a killed waiter ends").isTrue();
    holder.getOutputStream().close();
    assertThat(holder.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(flock(there, "-n", "true").waitFor()).isZero();
    assertThat(flock(here, "-n", "true").waitFor()).isZero();
  }

  private static Process flock(Path mount, String option, String command) throws IOException {
    return new ProcessBuilder("flock", option, mount.resolve("flock").toString(), command)
        .redirectErrorStream(true)
        .start();
  }
}
