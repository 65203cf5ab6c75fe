package io.lockstep.simulation.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.metadata.raft.MasterRaft;
import io.lockstep.metadata.raft.RaftEvents;
import io.lockstep.metadata.raft.RaftOptions;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.metadata.store.DataDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** The log of production keeps the law that the model keeps, over checkpoints and purges too. */
class MasterRaftTest extends ReplicatedLogContract {
  private static final int SNAPSHOT_ENTRIES = 8;

  @TempDir Path root;

  @Override
  int seeds() {
    return 2;
  }

  @Override
  LogMedium medium() throws IOException {
    return new RatisMedium(Files.createTempDirectory(root, "log"));
  }

  /** Not vacuous: cases are long enough. */
  @AfterEach
  void checkpointsWereTaken() throws IOException {
    try (Stream<Path> all = Files.walk(root)) {
      List<String> names = all.map(path -> String.valueOf(path.getFileName())).toList();
      if (names.stream().anyMatch(name -> name.startsWith("copy"))) {
        assertThat(names).anyMatch(name -> name.startsWith("checkpoint-"));
      }
    }
  }

  /**
   * Confined to its test. A killed process leaves what it wrote: that is a copy of its directory
   * while it runs, the store before the log. An entry that reaches the log meanwhile had not
   * reached the store, which is what a kill may leave.
   */
  private static final class RatisMedium implements LogMedium {
    private static final int COPIES_MAX = 50;

    private final Path parent;
    private Path directory;
    private int copies;

    RatisMedium(Path parent) {
      this.parent = parent;
      this.directory = parent.resolve("data");
    }

    @Override
    public ReplicatedLog open(RaftEvents events) throws IOException {
      RaftOptions usual = RaftOptions.single("127.0.0.1", 0);
      RaftOptions options =
          new RaftOptions(
              usual.self(), usual.bindHost(), usual.port(), usual.members(), SNAPSHOT_ENTRIES);
      return MasterRaft.open(DataDirectory.open(directory, 7), options, events);
    }

    @Override
    public void kill(ReplicatedLog run) throws IOException {
      copy();
      run.close();
    }

    /** From now on the copy is the directory. */
    private void copy() throws IOException {
      for (int tries = 0; tries < COPIES_MAX; tries++) {
        Path target = parent.resolve("copy" + ++copies);
        List<Path> files = files();
        if (isCopied(files, target) && files.equals(files())) {
          directory = target;
          return;
        }
      }
      throw new IOException(directory + " does not stand still");
    }

    /**
     * {@code state} before {@code raft}, and in each store the list of tables before the tables.
     */
    private List<Path> files() throws IOException {
      while (true) {
        try (Stream<Path> files = Files.walk(directory)) {
          return files
              .filter(file -> !Files.isDirectory(file))
              .sorted(Comparator.reverseOrder())
              .toList();
        } catch (UncheckedIOException e) {
          // A directory went while it was listed: another try.
        }
      }
    }

    private boolean isCopied(List<Path> files, Path target) throws IOException {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        if (name.startsWith("LO") || name.equals("lock") || name.equals("in_use.lock")) {
          continue;
        }
        Path copied = target.resolve(directory.relativize(file));
        try {
          Files.createDirectories(copied.getParent());
          Files.copy(file, copied);
        } catch (NoSuchFileException e) {
          return false;
        }
      }
      return true;
    }

    @Override
    public void await(String what, BooleanSupplier condition) {
      Awaitility.await(what)
          .atMost(Duration.ofSeconds(30))
          .pollInterval(Duration.ofMillis(2))
          .until(condition::getAsBoolean);
    }
  }
}
