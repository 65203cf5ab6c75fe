package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a directory that may be a mount point says when it is looked at. */
public enum Liveness {
  /** Something came back, were it an error of the one who serves the mount. */
  ANSWERS,
  /** The kernel says that nobody serves the mount any more, and that it never will answer. */
  DEAD,
  /** Nothing in time. It may be slow, or stand still, or be dead and kept open by the kernel. */
  SILENT;

  private static final Logger LOG = LoggerFactory.getLogger(Liveness.class);
  private static final long TOUCH_S = 5;

  /**
   * ENOTCONN, ECONNABORTED and ECONNREFUSED: what the kernel says for a connection that is over.
   */
  private static final List<String> OVER =
      List.of(
          "Transport endpoint is not connected",
          "Software caused connection abort",
          "Connection refused");

  /** Asks by a child process, for who waits for a dead mount may not be able to end. */
  public static Liveness of(Path directory) {
    ProcessBuilder stat = new ProcessBuilder("stat", "--", directory.toString());
    stat.environment().put("LC_ALL", "C");
    stat.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    try {
      Process process = stat.start();
      process.getOutputStream().close();
      if (!process.waitFor(TOUCH_S, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return SILENT;
      }
      byte[] complaint = process.getErrorStream().readAllBytes();
      String said = new String(complaint, StandardCharsets.ISO_8859_1);
      return OVER.stream().anyMatch(said::contains) ? DEAD : ANSWERS;
    } catch (IOException e) {
      LOG.warn("whether {} answers cannot be found out: {}", directory, e.toString());
      return SILENT;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return SILENT;
    }
  }
}
