package io.lockstep.tools.process;

import io.lockstep.fs.fuse.Liveness;
import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Immutable. A directory to mount on: checked before anything starts, cleared of a dead
 * predecessor, unmounted.
 */
public final class MountPoint {
  /** As the mount table shows the mounts of Lockstep. */
  public static final String TYPE = "fuse.lockstep";

  private static final Path CONNECTIONS = Path.of("/sys/fs/fuse/connections");
  private static final long UNMOUNT_TIMEOUT_S = 20;

  private final Path directory;

  public MountPoint(Path directory) {
    this.directory = directory.toAbsolutePath().normalize();
  }

  public Path directory() {
    return directory;
  }

  private static Optional<Path> fusermount() {
    return Stream.of("fusermount3", "fusermount")
        .flatMap(
            name ->
                Stream.of(System.getenv().getOrDefault("PATH", "/bin:/usr/bin").split(":"))
                    .map(directory -> Path.of(directory, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Whether a mount of Lockstep is there and answers. */
  public boolean isMounted() throws IOException {
    return isThere() && Liveness.of(directory) == Liveness.ANSWERS;
  }

  /** Whether a mount of Lockstep is in the table, dead or alive: never waits. */
  public boolean isThere() throws IOException {
    return row().isPresent();
  }

  private Optional<MountTable.Row> row() throws IOException {
    return MountTable.read().on(directory).filter(row -> row.type().equals(TYPE));
  }

  /**
   * A mount whose process died is taken away, and who still waits for it gets errors. One that
   * lives stays, however slow it is.
   *
   * @param records where the mounts of this user are written down
   * @throws UserError if it does not answer and may be alive
   */
  public void clearIfDead(Path records) throws IOException, UserError {
    for (MountTable.Row row = row().orElse(null); row != null; row = row().orElse(null)) {
      switch (Liveness.of(directory)) {
        case ANSWERS -> {
          return;
        }
        case DEAD -> unmount(How.LAZY);
        case SILENT -> {
          refuseIfServed(row, records);
          if (row().equals(Optional.of(row))) {
            unmount(How.FORCE);
          }
        }
      }
    }
  }

  /**
   * The kernel ends a connection by itself when its last descriptor is closed. A mount that is
   * killed while it drops pages which are being read never closes it: its thread waits for a page,
   * and the page for an answer. So silence says nothing, and the facts are asked for: whose mount
   * it is, and which processes could still answer.
   */
  private void refuseIfServed(MountTable.Row row, Path records) throws IOException, UserError {
    if (row.owner() != thisUser()) {
      throw silent("of user " + row.owner());
    }
    Set<Long> elsewhere = new HashSet<>();
    for (ReadyFile mount : MountRecord.live(records)) {
      if (Path.of(mount.address()).equals(directory)) {
        throw silent("of process " + mount.process().pid());
      }
      elsewhere.add(mount.process().pid());
    }
    List<Long> servers = FuseServers.of(row.device(), elsewhere);
    if (!servers.isEmpty()) {
      throw silent("of process " + servers.get(0));
    }
  }

  private UserError silent(String whose) {
    return UserError.failed(
        "the mount %s on %s does not answer; lockstep umount --force %s takes it away",
        whose, directory, directory);
  }

  private static long thisUser() throws IOException {
    return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  /** How a mount is taken away. */
  public enum How {
    /** If nobody uses it. */
    PLAIN,
    /** Out of the tree at once; it ends with its last user. */
    LAZY,
    /** The same, and its users get errors: for one whose process is dead. */
    FORCE
  }

  /** Takes the topmost mount away. */
  public void unmount(How how) throws IOException, UserError {
    boolean root = "root".equals(System.getProperty("user.name"));
    String name = directory.toString();
    if (how == How.FORCE && !root) {
      abortConnection();
    }
    List<String> command = root ? umount(how, name) : fusermount(how, name);
    Process unmount = new ProcessBuilder(command).redirectErrorStream(true).start();
    unmount.getOutputStream().close();
    try {
      if (!unmount.waitFor(UNMOUNT_TIMEOUT_S, TimeUnit.SECONDS)) {
        unmount.destroyForcibly();
        throw UserError.failed("umount of %s does not end; try --lazy or --force", directory);
      }
      String said =
          new String(
                  unmount.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
              .trim();
      if (unmount.exitValue() != 0) {
        throw UserError.failed("%s", said.lines().reduce((a, b) -> b).orElse("umount failed"));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static List<String> umount(How how, String name) {
    return switch (how) {
      case PLAIN -> List.of("umount", name);
      case LAZY -> List.of("umount", "-l", name);
      case FORCE -> List.of("umount", "-f", "-l", name);
    };
  }

  private static List<String> fusermount(How how, String name) throws UserError {
    return how == How.PLAIN
        ? List.of(fusermountName(), "-u", name)
        : List.of(fusermountName(), "-u", "-z", name);
  }

  /** As the owner of the mount may, where the kernel shows its connections. */
  private void abortConnection() throws IOException {
    Optional<MountTable.Row> row = MountTable.read().on(directory);
    if (row.isPresent()) {
      Path abort = CONNECTIONS.resolve(row.get().device() + "/abort");
      if (Files.isWritable(abort)) {
        Files.writeString(abort, "1");
      }
    }
  }

  private static String fusermountName() throws UserError {
    return fusermount()
        .map(Path::toString)
        .orElseThrow(() -> UserError.failed("no fusermount on the path: install fuse3"));
  }

  /** Waits until nothing is mounted here. */
  public boolean awaitUnmounted(long timeoutNs) throws IOException {
    long deadlineNs = System.nanoTime() + timeoutNs;
    while (isThere()) {
      if (System.nanoTime() - deadlineNs >= 0) {
        return false;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
    return true;
  }
}
