package io.lockstep.tools.process;

import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Immutable. A directory to mount on: checked before anything starts, cleared of a dead
 * predecessor, unmounted. Every touch of a mount that may hang happens on a thread of its own with
 * a deadline.
 */
public final class MountPoint {
  /** As the mount table shows the mounts of Lockstep. */
  public static final String TYPE = "fuse.lockstep";

  private static final Path CONNECTIONS = Path.of("/sys/fs/fuse/connections");
  private static final long TOUCH_TIMEOUT_S = 5;
  private static final long UNMOUNT_TIMEOUT_S = 20;

  private enum State {
    ANSWERS,
    DEAD,
    HANGS
  }

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
    return isOurs() && touch() == State.ANSWERS;
  }

  /** Whether a mount of Lockstep is in the table, dead or alive: never waits. */
  public boolean isThere() throws IOException {
    return isOurs();
  }

  private boolean isOurs() throws IOException {
    return MountTable.read().on(directory).filter(row -> row.type().equals(TYPE)).isPresent();
  }

  /**
   * A mount whose process died answers ENOTCONN for ever, or not at all: it is taken away.
   *
   * @param records where the mounts of this user are written down
   */
  public void clearIfDead(Path records) throws IOException, UserError {
    clearOrphan(records);
    while (isOurs()) {
      State state = touch();
      if (state == State.ANSWERS) {
        return;
      }
      if (state == State.HANGS) {
        throw UserError.failed(
            "the mount on %s does not answer; lockstep umount --force %s takes it away",
            directory, directory);
      }
      unmount(How.LAZY);
    }
  }

  private State touch() {
    CompletableFuture<State> answer = new CompletableFuture<>();
    Thread toucher =
        new Thread(
            () -> {
              try {
                Files.getLastModifiedTime(directory);
                answer.complete(State.ANSWERS);
              } catch (IOException e) {
                answer.complete(State.DEAD);
              }
            },
            "touch");
    toucher.setDaemon(true);
    toucher.start();
    try {
      return answer.get(TOUCH_TIMEOUT_S, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      return State.HANGS;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return State.HANGS;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * A mount whose process is dead and that does not answer is taken away, and who still waits for
   * it gets errors.
   *
   * <p>The kernel does that by itself when the last descriptor of the connection is closed. A mount
   * that is killed while it drops pages which are being read never closes it: its thread waits for
   * a page, and the page for an answer.
   *
   * @param records where the mounts of this user are written down
   */
  public void clearOrphan(Path records) throws IOException, UserError {
    while (isOurs() && MountRecord.find(records, directory).isEmpty() && touch() == State.HANGS) {
      unmount(How.FORCE);
    }
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
    while (isOurs()) {
      if (System.nanoTime() - deadlineNs >= 0) {
        return false;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
    return true;
  }
}
