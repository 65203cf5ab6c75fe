package io.lockstep.tools.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Immutable. Which processes may serve a connection of FUSE: those that live and have its device
 * open. A process that was killed and cannot end is none of them, nor one of another user, unless
 * root asks.
 */
final class FuseServers {
  private static final Path PROCESSES = Path.of("/proc");
  private static final Path DEVICE = Path.of("/dev/fuse");
  private static final String CONNECTION = "fuse_connection:";

  private FuseServers() {}

  /**
   * Their pids. A kernel that does not tell which connection a descriptor belongs to makes each
   * process with one suspect, but for those that are known to serve another mount.
   *
   * @param elsewhere the pids of these
   */
  static List<Long> of(int connection, Set<Long> elsewhere) throws IOException {
    List<Long> servers = new ArrayList<>();
    try (Stream<Path> processes = Files.list(PROCESSES)) {
      for (Path process : (Iterable<Path>) processes::iterator) {
        String name = process.getFileName().toString();
        if (!name.matches("[0-9]{1,9}")) {
          continue;
        }
        long pid = Long.parseLong(name);
        if (ProcessIdentity.of(pid).isPresent()
            && serves(process, connection, elsewhere.contains(pid))) {
          servers.add(pid);
        }
      }
    }
    return servers;
  }

  private static boolean serves(Path process, int connection, boolean isElsewhere) {
    try (Stream<Path> descriptors = Files.list(process.resolve("fd"))) {
      return descriptors.anyMatch(
          descriptor -> isOpenOn(process, descriptor, connection, isElsewhere));
    } catch (IOException | UncheckedIOException e) {
      // It has just ended, or is another user's.
      return false;
    }
  }

  private static boolean isOpenOn(
      Path process, Path descriptor, int connection, boolean isElsewhere) {
    try {
      Path about = process.resolve("fdinfo").resolve(descriptor.getFileName());
      return Files.readSymbolicLink(descriptor).equals(DEVICE)
          && isOf(connection, Files.readAllLines(about), isElsewhere);
    } catch (IOException e) {
      // It has just been closed.
      return false;
    }
  }

  /** What {@code fdinfo} says about a descriptor of the device. */
  static boolean isOf(int connection, List<String> about, boolean isElsewhere) {
    return about.stream()
        .filter(line -> line.startsWith(CONNECTION))
        .map(line -> line.substring(CONNECTION.length()).trim())
        .findFirst()
        .map(number -> number.equals(Integer.toString(connection)))
        .orElse(!isElsewhere);
  }
}
