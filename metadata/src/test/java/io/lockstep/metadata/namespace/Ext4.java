package io.lockstep.metadata.namespace;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Confined to one test. A directory on ext4: the one that is given, if it is on that, or the top of
 * an image made for the test. It is written down where {@code verify} looks for leftovers.
 */
final class Ext4 implements AutoCloseable {
  private static final String MAKE =
      "truncate -s 64M \"$1/image\"; mkfs.ext4 -q -F \"$1/image\"; mkdir \"$1/ext4\";"
          + " mount -o loop \"$1/image\" \"$1/ext4\"; mkdir \"$1/ext4/top\"";
  private static final String REMOVE = "umount \"$1/ext4\"; rm -r --one-file-system \"$1\"";

  private final Path directory;
  private final @Nullable Path run;

  private Ext4(Path directory, @Nullable Path run) {
    this.directory = directory;
    this.run = run;
  }

  static Ext4 at(Path given) throws IOException {
    String type = Files.getFileStore(given).type();
    if (type.equals("ext4")) {
      return new Ext4(given, null);
    }
    Path runs =
        Path.of(
            System.getenv()
                .getOrDefault(
                    "LOCKSTEP_RUNS", System.getProperty("java.io.tmpdir") + "/lockstep-runs"));
    Files.createDirectories(runs);
    Path run = Files.createTempDirectory(runs, "ext4");
    Files.writeString(run.resolve("records"), "mount " + run.resolve("ext4") + "\n");
    String said = run(MAKE, run);
    if (!said.isEmpty()) {
      throw new AssertionError(
          given
              + " is on "
              + type
              + ", and this user cannot make an ext4 to compare with: "
              + said);
    }
    return new Ext4(run.resolve("ext4").resolve("top"), run);
  }

  Path directory() {
    return directory;
  }

  @Override
  public void close() throws IOException {
    if (run != null) {
      run(REMOVE, run);
    }
  }

  /** What the shell said, empty if all went well. */
  private static String run(String script, Path argument) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder("sh", "-ec", script, "sh", argument.toString())
            .redirectErrorStream(true);
    builder.environment().merge("PATH", "/usr/sbin:/sbin", (path, more) -> path + ":" + more);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      return process.waitFor() == 0 ? "" : said + "exit code " + process.exitValue();
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted", e);
    }
  }
}
