package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.UserError;
import io.lockstep.tools.it.TestCluster.Said;
import io.lockstep.tools.process.MountPoint;
import io.lockstep.tools.process.MountTable;
import io.lockstep.tools.process.ProcessIdentity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A mount that does not answer is only taken away if it is dead. */
@ExtendWith(FailureWatch.class)
class DeadMountIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";
  private static final String STORAGE = TestCluster.storage(1);

  /** The number of read(2) on x86-64 and on arm64. */
  private static final Set<String> READ_CALLS = Set.of("0", "63");

  private static TestCluster cluster;

  @BeforeAll
  static void start() throws Exception {
    cluster = TestCluster.start("dead", 1);
    cluster.createVolume(VOLUME, 1);
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  /** A user who knows of no mount of his own there, as root is. */
  @Test
  void slowMountSurvivesTheMountOfAnotherUser() throws Exception {
    Path point = cluster.mount("mount-slow", VOLUME);
    MountTable.Row before = MountTable.read().on(point).orElseThrow();
    long pid = cluster.process("mount-slow").pid();
    cluster.freeze(TestCluster.MASTER);
    Said said;
    try {
      Path home = Files.createDirectory(cluster.top().resolve("home"));
      said =
          TestCluster.run(
              Map.of("HOME", home.toString()),
              List.of("mount", VOLUME, point.toString(), "--wait=0", "--dir=" + cluster.top()));
    } finally {
      cluster.resume(TestCluster.MASTER);
    }
    assertThat(said.exitCode()).as(said.err()).isEqualTo(1);
    assertThat(said.err().lines())
        .containsExactly(
            "lockstep: the mount of process %d on %s does not answer; lockstep umount --force %s takes it away"
                .formatted(pid, point, point));
    assertThat(MountTable.read().on(point)).contains(before);
    Files.writeString(point.resolve("after"), "works");
    assertThat(point.resolve("after")).hasContent("works");
    cluster.stop("mount-slow");
  }

  /** Only the kernel's side of a mount: what serves it never says a word. */
  @Test
  void silentMountOfAnotherUserIsRefusedUntilTheKernelSaysThatItIsDead() throws Exception {
    Path point = Files.createDirectory(cluster.top().resolve("others"));
    cluster.directory().records().mounting(point);
    Process server =
        new ProcessBuilder(
                "bash",
                "-ec",
                "exec 9<>/dev/fuse; mount -i -t fuse.lockstep -o"
                    + " fd=9,rootmode=40000,user_id=65534,group_id=65534,allow_other lockstep \"$0\";"
                    + " exec sleep 1000",
                point.toString())
            .inheritIO()
            .start();
    MountPoint mount = new MountPoint(point);
    try {
      cluster.eventually("mounted", 10, mount::isThere);
      assertThatThrownBy(() -> mount.clearIfDead(cluster.top()))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("of user 65534")
          .hasMessageContaining("lockstep umount --force " + point);
      assertThat(mount.isThere()).isTrue();
    } finally {
      server.destroyForcibly().waitFor();
    }
    mount.clearIfDead(cluster.top());
    assertThat(mount.isThere()).isFalse();
  }

  @Test
  void mountThatWasKilledWhileItDroppedPagesIsReplacedByTheNext() throws Exception {
    Path here = cluster.mount("mount-a", VOLUME);
    Path there = cluster.mount("mount-b", VOLUME);
    Files.writeString(there.resolve("file"), "text");
    ProcessIdentity dying = cluster.process("mount-a");
    Process reader = null;
    Process writer = null;
    cluster.freeze(STORAGE);
    try {
      Process reading = sh("exec cat \"$0\" >/dev/null", here.resolve("file"));
      reader = reading;
      cluster.eventually(
          "the reader waits for a page, else INCONCLUSIVE",
          10,
          () -> waitsInARead(reading, here.resolve("file")));
      // Its lease is recalled, so the first mount drops what it reads.
      writer = sh("echo more >>\"$0\"", there.resolve("file"));
      cluster.eventually(
          "a page is dropped while it is read, else INCONCLUSIVE", 10, () -> isStuck(dying));
      killWatchers(dying);
      cluster.kill("mount-a");
    } finally {
      cluster.resume(STORAGE);
    }
    assertThat(reader.isAlive()).as("the reader waits").isTrue();
    cluster.mount("mount-a", VOLUME);
    assertThat(reader.waitFor(10, TimeUnit.SECONDS)).as("the reader ends").isTrue();
    assertThat(reader.exitValue()).isNotZero();
    assertThat(writer.waitFor(60, TimeUnit.SECONDS)).as("the writer ends").isTrue();
    assertThat(here.resolve("file")).content().startsWith("text");
    cluster.stop("mount-a");
    cluster.stop("mount-b");
  }

  private static Process sh(String script, Path file) throws IOException {
    return new ProcessBuilder("sh", "-c", script, file.toString()).inheritIO().start();
  }

  /**
   * It is in read(2) of that file, and sleeps: its page is locked, as the request has been sent.
   */
  private static boolean waitsInARead(Process process, Path file) throws IOException {
    Path proc = Path.of("/proc/" + process.pid());
    String[] call = Files.readString(proc.resolve("syscall")).split(" ");
    if (!READ_CALLS.contains(call[0]) || !stat(proc).contains(") D ")) {
      return false;
    }
    Path open = proc.resolve("fd").resolve(Integer.decode(call[1]).toString());
    return Files.readSymbolicLink(open).equals(file);
  }

  private static boolean isStuck(ProcessIdentity process) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
      return tasks
          .map(DeadMountIT::stat)
          .anyMatch(stat -> stat.matches("(?s).*\\(fuse-inv.*\\) D .*"));
    }
  }

  private static String stat(Path task) {
    try {
      return Files.readString(task.resolve("stat"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where the kernel shows its connections, a child would abort this one. */
  private static void killWatchers(ProcessIdentity process) {
    ProcessHandle.of(process.pid())
        .orElseThrow()
        .children()
        .forEach(ProcessHandle::destroyForcibly);
  }
}
