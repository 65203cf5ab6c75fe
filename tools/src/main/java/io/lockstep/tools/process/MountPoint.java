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

  /** A mount whose process died answers ENOTCONN for ever: it is taken away. */
  public void clearIfDead() throws IOException, UserError {
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
      unmount(true);
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

  /** Takes the topmost mount away; lazily: also if it is in use or dead. */
  public void unmount(boolean lazily) throws IOException, UserError {
    boolean root = "root".equals(System.getProperty("user.name"));
    String name = directory.toString();
    List<String> command =
        root
            ? (lazily ? List.of("umount", "-l", name) : List.of("umount", name))
            : (lazily
                ? List.of(fusermountName(), "-u", "-z", name)
                : List.of(fusermountName(), "-u", name));
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
