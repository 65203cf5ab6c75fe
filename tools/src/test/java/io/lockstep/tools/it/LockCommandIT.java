package io.lockstep.tools.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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

  private static JsonNode exclusive(JsonNode rows) {
    for (JsonNode row : rows) {
      if (row.path("mode").asText().equals("EXCLUSIVE")) {
        return row;
      }
    }
    throw new AssertionError("nobody holds a lease alone: " + rows);
  }

  @Test
  void listDumpAndClearOfAHeldLease() throws Exception {
    Path file = here.resolve("file");
    try (FileChannel open =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      Busy busy = new Busy(open);
      try {
        JsonNode lease = shownOnBothSides();
        JsonNode cleared =
            json("lock", "clear", "--output=json", "--client=" + lease.path("session").asText());
        assertThat(exclusive(cleared).path("inode").asLong())
            .isEqualTo(lease.path("inode").asLong());
        cluster.eventually("the descriptor is told", 10, () -> busy.failure.get() != null);
        assertThat(busy.failure.get()).hasMessageContaining("Input/output error");
      } finally {
        busy.stop();
      }
      write(open, "kept");
      open.force(true);
    }
    assertThat(Files.readString(there.resolve("file"))).isEqualTo("kept");
    for (JsonNode row : json("lock", "list", "--output=json").path("leases")) {
      assertThat(row.path("state").asText()).isNotEqualTo("SETTLING");
    }
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
  private JsonNode shownOnBothSides() throws Exception {
    JsonNode lease = exclusive(json("lock", "list", "--output=json").path("leases"));
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
      assertThat(mount.path("locks").size()).isEqualTo(holder ? 1 : 0);
      if (holder) {
        JsonNode lock = mount.path("locks").get(0);
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
