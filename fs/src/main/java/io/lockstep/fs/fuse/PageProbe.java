package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * A thread of its own for one call into the kernel that either ends at once or sleeps on a page
 * until its request is answered, which may be long.
 */
final class PageProbe extends Thread {
  /** So often in a row it has to be seen asleep. */
  private static final int SIGHTINGS = 3;

  private static final long POLL_MS = 1;

  /** The letter of uninterruptible sleep in /proc/PID/task/TID/stat, which follows the name. */
  private static final String ASLEEP = ") D ";

  private final Consumer<PageProbe> call;
  private volatile Path stat;

  /**
   * @param call gets this thread, on it
   */
  PageProbe(Consumer<PageProbe> call) {
    super("fuse-invalidate-page");
    this.call = call;
    setDaemon(true);
  }

  @Override
  public void run() {
    Path proc = Path.of("/proc");
    try {
      stat = proc.resolve(Files.readSymbolicLink(proc.resolve("thread-self"))).resolve("stat");
    } catch (IOException e) {
      // Then only the end of the call is seen.
      stat = null;
    }
    call.accept(this);
  }

  void awaitDoneOrAsleep() throws InterruptedException {
    int sightings = 0;
    while (isAlive() && sightings < SIGHTINGS) {
      join(POLL_MS);
      sightings = isAsleep() ? sightings + 1 : 0;
    }
  }

  private boolean isAsleep() {
    Path file = stat;
    try {
      return file != null && Files.readString(file).contains(ASLEEP);
    } catch (IOException e) {
      return false;
    }
  }
}
