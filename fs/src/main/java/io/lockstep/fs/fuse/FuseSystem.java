package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Immutable. What this machine must have for a mount, and the programs that end one. */
final class FuseSystem {
  /** Requests that a sequential reader keeps under way: more than one member works for it. */
  private static final int READ_AHEAD_REQUESTS = 4;

  private static final Logger LOG = LoggerFactory.getLogger(FuseSystem.class);
  private static final Path DEVICE = Path.of("/dev/fuse");
  private static final Path CONFIGURATION = Path.of("/etc/fuse.conf");
  private static final Path CONNECTIONS = Path.of("/sys/fs/fuse/connections");
  private static final List<String> BINARIES =
      List.of("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin");

  private FuseSystem() {}

  static boolean isRoot() {
    try {
      return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0;
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  /** Root, or anybody if the configuration of fusermount says so. */
  static boolean mayAllowOther() {
    if (isRoot()) {
      return true;
    }
    try (Stream<String> lines = Files.lines(CONFIGURATION, StandardCharsets.ISO_8859_1)) {
      return lines.anyMatch(line -> line.strip().equals("user_allow_other"));
    } catch (IOException e) {
      return false;
    }
  }

  static void check(boolean allowOther) throws MountFailed {
    if (!Files.exists(DEVICE)) {
      throw new MountFailed("no " + DEVICE + ": load the kernel module with 'modprobe fuse'");
    }
    if (!Files.isReadable(DEVICE) || !Files.isWritable(DEVICE)) {
      throw new MountFailed(
          DEVICE
              + " may not be read and written by this user: run as root, or 'chmod 666 "
              + DEVICE
              + "'");
    }
    if (fusermount().isEmpty()) {
      throw new MountFailed("no fusermount: install it with 'apt-get install fuse3'");
    }
    if (allowOther && !mayAllowOther()) {
      throw new MountFailed(
          "allow_other needs root or the line user_allow_other in " + CONFIGURATION);
    }
  }

  static FuseLibrary library() throws MountFailed {
    try {
      return FuseLibrary.load();
    } catch (UnsatisfiedLinkError e) {
      throw new MountFailed(
          "no " + FuseLibrary.FILE + ": install it with 'apt-get install libfuse2'");
    }
  }

  /** The path of the program, or empty. */
  static String fusermount() {
    for (String name : List.of("fusermount", "fusermount3")) {
      for (String directory : BINARIES) {
        if (Files.isExecutable(Path.of(directory, name))) {
          return directory + "/" + name;
        }
      }
    }
    return "";
  }

  /** Takes the mount away if nobody uses it, or with {@code lazy} in any case from the tree. */
  static boolean unmount(Path mountPoint, boolean lazy, long timeoutNs) {
    String path = mountPoint.toString();
    List<String> command =
        lazy ? List.of(fusermount(), "-u", "-z", path) : List.of(fusermount(), "-u", path);
    return run(command, timeoutNs) == 0;
  }

  /** Where whoever writes into it aborts the connection; only its owner and root may. */
  static Path abortFile(long connection) {
    return CONNECTIONS.resolve(connection + "/abort");
  }

  /** Makes every request of the connection fail, now and later. */
  static boolean abort(long connection) {
    try {
      Files.writeString(abortFile(connection), "1");
      return true;
    } catch (IOException e) {
      LOG.warn("connection {} could not be aborted: {}", connection, e.toString());
      return false;
    }
  }

  /** Lets the kernel read ahead a few whole requests; only root may. */
  static void readAhead(long connection) {
    Path setting = Path.of("/sys/class/bdi/0:" + connection + "/read_ahead_kb");
    if (Files.isWritable(setting)) {
      try {
        int kilobytes = READ_AHEAD_REQUESTS * (InitReply.DATA_BYTES / 1024);
        Files.writeString(setting, Integer.toString(kilobytes));
      } catch (IOException e) {
        LOG.info("the kernel reads ahead as little as it likes: {}", e.toString());
      }
    }
  }

  /** The exit code, or -1 if it did not end in time or could not be run. */
  static int run(List<String> command, long timeoutNs) {
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().put("LC_ALL", "C");
      builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
      Process process = builder.start();
      process.getOutputStream().close();
      if (process.waitFor(timeoutNs, TimeUnit.NANOSECONDS)) {
        return process.exitValue();
      }
      process.destroyForcibly();
      LOG.warn("{} did not end in time", command);
    } catch (IOException e) {
      LOG.warn("{} could not be run: {}", command, e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return -1;
  }
}
