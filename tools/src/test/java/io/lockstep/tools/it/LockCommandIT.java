package io.lockstep.tools.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** {@code lockstep lock list|dump|clear} on two real mounts. */
@ExtendWith(FailureWatch.class)
class LockCommandIT implements FailureWatch.WithCluster {
  private TestCluster cluster;
  private Path here;
  private Path there;

  @BeforeEach
  void start() throws Exception {
    cluster = TestCluster.start("lock", 3);
    cluster.createVolume("demo", 3);
    here = cluster.mount(TestCluster.MOUNT + "-1", "demo");
    there = cluster.mount(TestCluster.MOUNT + "-2", "demo");
  }

  @AfterEach
  void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  private static void write(FileChannel to, String text) throws IOException {
    to.write(ByteBuffer.wrap(text.getBytes(UTF_8)), 0);
  }

  private JsonNode json(String... words) throws Exception {
    Said said = cluster.lockstep(words);
    assertThat(said.exitCode()).as(said.err()).isZero();
    return said.json();
  }

  private static List<JsonNode> of(JsonNode rows, long inode) {
    List<JsonNode> found = new ArrayList<>();
    for (JsonNode row : rows) {
      if (row.path("inode").asLong() == inode) {
        found.add(row);
      }
    }
    return found;
  }

  private static JsonNode exclusive(JsonNode rows, long inode) {
    List<JsonNode> leases = of(rows, inode);
    assertThat(leases).hasSize(1);
    assertThat(leases.get(0).path("mode").asText()).isEqualTo("EXCLUSIVE");
    return leases.get(0);
  }

  private static FileChannel open(Path mount, String name) throws IOException {
    return FileChannel.open(
        mount.resolve(name), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  private static boolean has(JsonNode rows, JsonNode session) {
    for (JsonNode row : rows) {
      if (row.path("session").asLong() == session.asLong()) {
        return true;
      }
    }
    return false;
  }

  @Test
  void listDumpAndClearOfWhatAMountHolds() throws Exception {
    try (FileChannel open = open(here, "file");
        FileChannel locked = open(here, "locked");
        FileChannel other = open(there, "locked")) {
      assertThat(locked.lock(0, 1, false)).isNotNull();
      assertThat(other.tryLock(0, 1, false)).isNull();
      boolean leaseCleared;
      Busy busy = new Busy(open);
      try {
        long inode = (long) Files.getAttribute(here.resolve("file"), "unix:ino");
        JsonNode lease = shownOnBothSides(inode);
        JsonNode directories = json("lock", "list", "--output=json").path("directories");
        assertThat(has(directories, lease.path("session"))).as("%s", directories).isTrue();
        JsonNode cleared =
            json("lock", "clear", "--output=json", "--client=" + lease.path("session").asText());
        assertThat(exclusive(cleared.path("leases"), inode).path("lease"))
            .isEqualTo(lease.path("lease"));
        assertThat(has(cleared.path("directories"), lease.path("session"))).isTrue();
        long lockedInode = (long) Files.getAttribute(here.resolve("locked"), "unix:ino");
        leaseCleared = !of(cleared.path("leases"), lockedInode).isEmpty();
        cluster.eventually("the descriptor is told", 10, () -> busy.failure.get() != null);
        assertThat(busy.failure.get()).hasMessageContaining("Input/output error");
      } finally {
        busy.stop();
      }
      lockIsLostAndTold(locked, other, leaseCleared);
      write(open, "kept");
      open.force(true);
    }
    assertThat(Files.readString(there.resolve("file"))).isEqualTo("kept");
    for (JsonNode row : json("lock", "list", "--output=json").path("leases")) {
      assertThat(row.path("state").asText()).isNotEqualTo("SETTLING");
    }
  }

  /**
   * Until it asks for a lock again, and then once. The lease of its file, if it was not idle yet,
   * is told by the first write that comes so far.
   */
  private static void lockIsLostAndTold(FileChannel locked, FileChannel other, boolean leaseCleared)
      throws IOException {
    other.lock(0, 1, false).release();
    assertThatThrownBy(() -> write(locked, "x")).hasMessageContaining("Input/output error");
    assertThatThrownBy(() -> write(locked, "x")).hasMessageContaining("Input/output error");
    assertThatThrownBy(() -> locked.lock(1, 1, false)).hasMessageContaining("Input/output error");
    assertThat(locked.lock(2, 1, false)).isNotNull();
    assertThat(other.tryLock(2, 1, false)).isNull();
    if (leaseCleared) {
      assertThatThrownBy(() -> write(locked, "x")).hasMessageContaining("Input/output error");
    }
    write(locked, "mine again");
  }

  /** Keeps the lease of a file from going idle while a slow machine runs commands. */
  private static final class Busy {
    final AtomicReference<IOException> failure = new AtomicReference<>();
    private final ScheduledExecutorService writer = Executors.newSingleThreadScheduledExecutor();

    Busy(FileChannel file) throws IOException {
      write(file, "lost");
      writer.scheduleWithFixedDelay(() -> writeAgain(file), 200, 200, TimeUnit.MILLISECONDS);
    }

    private void writeAgain(FileChannel file) {
      try {
        if (failure.get() == null) {
          write(file, "lost");
        }
      } catch (IOException e) {
        failure.set(e);
      }
    }

    void stop() throws InterruptedException {
      writer.shutdown();
      assertThat(writer.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  /** The lease on the file that is written all the time. */
  private JsonNode shownOnBothSides(long inode) throws Exception {
    JsonNode lease = exclusive(json("lock", "list", "--output=json").path("leases"), inode);
    assertThat(lease.path("mountPoint").asText()).isEqualTo(here.toString());
    assertThat(lease.path("pid").asLong())
        .isEqualTo(cluster.process(TestCluster.MOUNT + "-1").pid());
    assertThat(lease.path("owners").asInt()).isEqualTo(1);
    assertThat(lease.path("token").asText()).isNotEqualTo("0.0");

    JsonNode dump = json("lock", "dump", "--output=json");
    assertThat(dump.path("mounts")).hasSize(2);
    for (JsonNode mount : dump.path("mounts")) {
      assertThat(mount.path("problem").asText()).isEmpty();
      boolean holder = mount.path("session").asLong() == lease.path("session").asLong();
      List<JsonNode> locks = of(mount.path("locks"), inode);
      assertThat(locks).hasSize(holder ? 1 : 0);
      if (holder) {
        JsonNode lock = locks.get(0);
        assertThat(lock.path("lease").asLong()).isEqualTo(lease.path("lease").asLong());
        assertThat(lock.path("token").asText()).isEqualTo(lease.path("token").asText());
        boolean owned = !lock.path("owners").isEmpty();
        assertThat(owned || lock.path("timer").asBoolean() || lock.path("release").asBoolean())
            .as("held without owners, timer or release: " + lock)
            .isTrue();
      }
    }
    assertThat(cluster.lockstep("lock", "dump").out()).contains("INODE", here.toString());
    return lease;
  }
}
