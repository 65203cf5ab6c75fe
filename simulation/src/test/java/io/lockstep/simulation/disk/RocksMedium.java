package io.lockstep.simulation.disk;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.lockstep.replication.store.RowStore;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Confined to its test. The rows of production on a real directory. A killed process leaves what it
 * wrote: that is a copy of the directory while it is open. A loss of power leaves less: the log of
 * that copy is cut somewhere behind its last sync.
 */
final class RocksMedium implements RowMedium {
  private static final String LOG = ".log";
  private static final int FILE_BYTES_MAX = 1 << 20;
  private static final int COPIES_MAX = 50;

  private final Path parent;
  private final Map<String, Long> synced = new HashMap<>();
  private Path directory;
  private int copies;

  RocksMedium(Path parent) throws IOException {
    this.parent = parent;
    this.directory = Files.createDirectories(parent.resolve("db"));
  }

  @Override
  public RowStore open() throws IOException {
    RowStore rows = RowStore.rocks(directory);
    // Opening writes what the log had into a table, and syncs it.
    noteSynced();
    return new Noting(rows);
  }

  private void noteSynced() throws IOException {
    for (Path file : files()) {
      String name = String.valueOf(file.getFileName());
      if (name.endsWith(LOG)) {
        synced.put(name, Files.size(file));
      }
    }
  }

  /** The list of tables, MANIFEST, is before the tables, whose names are numbers. */
  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted(Comparator.reverseOrder()).toList();
    }
  }

  @Override
  public void kill(RowStore run) throws IOException {
    copy();
    run.close();
  }

  @Override
  public void losePower(RowStore run, Random random) throws IOException {
    copy();
    run.close();
    for (Path file : files()) {
      String name = String.valueOf(file.getFileName());
      if (name.endsWith(LOG)) {
        long atLeast = synced.getOrDefault(name, 0L);
        long kept = atLeast + random.nextInt((int) (Files.size(file) - atLeast) + 1);
        try (FileChannel log = FileChannel.open(file, StandardOpenOption.WRITE)) {
          log.truncate(kept);
        }
      }
    }
  }

  /**
   * From now on the copy is the directory. Compactions go on meanwhile: the list of tables is
   * copied before the tables, and all of it again if a table came or went.
   */
  private void copy() throws IOException {
    for (int tries = 0; tries < COPIES_MAX; tries++) {
      Path target = Files.createDirectories(parent.resolve("copy" + ++copies));
      List<Path> files = files();
      if (isCopied(files, target) && files.equals(files())) {
        directory = target;
        return;
      }
    }
    throw new IOException(directory + " does not stand still");
  }

  private static boolean isCopied(List<Path> files, Path target) throws IOException {
    for (Path file : files) {
      String name = String.valueOf(file.getFileName());
      try {
        if (!name.startsWith("LO")) {
          Files.copy(file, target.resolve(name));
        }
      } catch (NoSuchFileException e) {
        return false;
      }
    }
    return true;
  }

  /** In a process of its own that may write no file longer than a MiB. */
  @Override
  public Failed failWrites(byte[] prefix) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                RocksMedium.class.getName(),
                directory.toString(),
                new String(prefix, UTF_8))
            .redirectErrorStream(true)
            .start();
    String told = new String(process.getInputStream().readAllBytes(), UTF_8);
    String[] words = told.trim().split(" ");
    if (words.length != 3) {
      throw new IOException("the process that fails to write said: " + told);
    }
    return new Failed(
        Integer.parseInt(words[0]), Integer.parseInt(words[1]), Boolean.parseBoolean(words[2]));
  }

  /** Directory and prefix. */
  public static void main(String[] words) throws Exception {
    try (RowStore rows = RowStore.rocks(Path.of(words[0]))) {
      // Now, for the library is longer that is unpacked at the start.
      String self = Long.toString(ProcessHandle.current().pid());
      new ProcessBuilder("prlimit", "--pid", self, "--fsize=" + FILE_BYTES_MAX)
          .inheritIO()
          .start()
          .waitFor();
      byte[] prefix = words[1].getBytes(UTF_8);
      Failed failed = RowMedium.writeUntilFailure(rows, prefix, FILE_BYTES_MAX / 30);
      System.out.println(
          failed.acknowledged() + " " + failed.laterWrites() + " " + failed.readAfter());
    }
  }

  /** Confined to its test. Knows how long the log was when it was synced. */
  private final class Noting extends OtherRows {
    Noting(RowStore rows) {
      super(rows);
    }

    @Override
    public void write(Batch batch, boolean sync) throws IOException {
      rows.write(batch, sync);
      if (sync) {
        noteSynced();
      }
    }
  }
}
