package io.lockstep.tools.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Immutable. The file {@code records} of a run directory: what was started and mounted, so that it
 * is found again whatever happened to those who started it. Appended to line by line:
 *
 * <pre>
 *   process PID START_TICKS BOOT ROLE
 *   mount DIRECTORY
 *   group DIRECTORY     of control groups, one for each process
 * </pre>
 *
 * The last line of a role counts. {@code tools/scripts/sweep} reads the same lines.
 */
public final class ProcessRecords {
  private static final int PROCESS_FIELDS = 5;

  private final Path file;

  public ProcessRecords(Path runDirectory) {
    this.file = runDirectory.resolve("records");
  }

  public void started(String role, ProcessIdentity process) throws IOException {
    append("process " + process + " " + role);
  }

  public void mounting(Path directory) throws IOException {
    append("mount " + directory);
  }

  public void grouping(Path directory) throws IOException {
    append("group " + directory);
  }

  private void append(String line) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(
        file,
        line + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.WRITE,
        StandardOpenOption.APPEND);
  }

  /** The newest process of each role, alive or not. */
  public Map<String, ProcessIdentity> processes() throws IOException {
    Map<String, ProcessIdentity> newest = new LinkedHashMap<>();
    for (String line : lines()) {
      String[] fields = line.split(" ");
      if (fields.length == PROCESS_FIELDS && fields[0].equals("process")) {
        newest.put(
            fields[4],
            new ProcessIdentity(Long.parseLong(fields[1]), Long.parseLong(fields[2]), fields[3]));
      }
    }
    return newest;
  }

  /** The newest process of this role, if it is alive. */
  public Optional<ProcessIdentity> live(String role) throws IOException {
    return Optional.ofNullable(processes().get(role)).filter(ProcessIdentity::isAlive);
  }

  public Set<Path> mounts() throws IOException {
    Set<Path> mounts = new LinkedHashSet<>();
    for (String line : lines()) {
      if (line.startsWith("mount ")) {
        mounts.add(Path.of(line.substring("mount ".length())));
      }
    }
    return mounts;
  }

  /** After everything has ended. */
  public void clear() throws IOException {
    Files.deleteIfExists(file);
  }

  private Iterable<String> lines() throws IOException {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      return Set.of();
    }
  }
}
