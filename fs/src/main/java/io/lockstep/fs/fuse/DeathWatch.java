package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thread of its own. Sees to it that whoever waits for a mount gets an error when its process is
 * killed, whatever the kernel keeps of it.
 *
 * <p>The kernel ends a connection when its last descriptor is closed. A thread that drops pages
 * which are being read waits in the kernel for them, and the read for an answer: killed then, the
 * process keeps its descriptors, and is not dead to its parent either. So a child, a shell that
 * waits on a pipe, has itself told by the kernel of the end of the <i>thread</i> that started it,
 * and aborts the connection. It holds the file in {@code /sys/fs/fuse/connections} by which that is
 * done, so it never hits a later connection of the same number.
 *
 * <p>Where the kernel shows no connections to this user, or there is no {@code setpriv}, it is as
 * without: the next mount there, or {@code umount --force}, aborts the connection.
 */
final class DeathWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DeathWatch.class);

  /**
   * Its standard output is the file. Signals that are for the mount, like a terminal's, are not.
   */
  static final List<String> COMMAND =
      List.of(
          "setpriv",
          "--pdeathsig=USR1",
          "sh",
          "-c",
          "trap 'echo 1; exit' USR1; trap '' HUP INT TERM; echo watching >&2; read -r end");

  private final CountDownLatch started = new CountDownLatch(1);
  private final Thread thread;
  private volatile Process child;

  /**
   * Returns when it watches, or cannot.
   *
   * @param command of the child; tests have one that does nothing
   */
  static DeathWatch start(long connection, List<String> command) throws InterruptedException {
    DeathWatch watch = new DeathWatch(FuseSystem.abortFile(connection), command);
    watch.thread.start();
    watch.started.await();
    return watch;
  }

  private DeathWatch(Path abort, List<String> command) {
    thread = new Thread(() -> watch(abort, command), "fuse-death-watch");
    thread.setDaemon(true);
  }

  /** Ends no earlier than the child: its end would be taken for that of the process. */
  private void watch(Path abort, List<String> command) {
    try {
      if (!Files.isWritable(abort)) {
        LOG.info(
            "no {}: if this process is killed, those who wait for it may go on waiting", abort);
        return;
      }
      Process process =
          new ProcessBuilder(command)
              .directory(Path.of("/").toFile())
              .redirectOutput(ProcessBuilder.Redirect.appendTo(abort.toFile()))
              .start();
      child = process;
      if (process.getErrorStream().read() < 0) {
        LOG.info("nobody watches this process: {} ended with {}", command, process.waitFor());
      }
      started.countDown();
      process.waitFor();
    } catch (IOException e) {
      LOG.info("nobody watches this process: {}", e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      started.countDown();
    }
  }

  /** The mount has ended: the child goes, and does nothing. */
  @Override
  public void close() {
    Process process = child;
    if (process != null) {
      try {
        process.getOutputStream().close();
      } catch (IOException e) {
        LOG.info("the watching child is gone already: {}", e.toString());
      }
    }
  }
}
