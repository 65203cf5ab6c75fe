package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Immutable. A directory to mount on: whether it is fit for that, and what the mount table says.
 */
final class MountPoint {
  private static final Logger LOG = LoggerFactory.getLogger(MountPoint.class);
  private static final Path MOUNT_TABLE = Path.of("/proc/self/mountinfo");
  private static final long UNMOUNT_NS = TimeUnit.SECONDS.toNanos(5);
  private static final int DEAD_MAX = 16;

  /**
   * A row of the mount table.
   *
   * @param device its minor number, which is the number of a FUSE connection
   */
  record Row(long device, String type) {
    private boolean isFuse() {
      return type.startsWith("fuse");
    }

    private String unmountByForce() {
      return type.equals("fuse.lockstep") ? "lockstep umount --force " : "umount -l ";
    }
  }

  private final Path path;

  MountPoint(Path path) {
    this.path = path;
  }

  /**
   * Clears dead mounts out of the way, then refuses all that is not an empty directory. Dead is
   * what the kernel says is dead; who does not answer may only be slow.
   */
  void prepare(boolean nonEmpty) throws MountFailed {
    int cleared = 0;
    for (Row row = row().orElse(null); row != null; row = row().orElse(null)) {
      Liveness liveness = row.isFuse() ? Liveness.of(path) : Liveness.ANSWERS;
      if (liveness == Liveness.SILENT) {
        throw new MountFailed(
            path + " is a mount point that does not answer: " + row.unmountByForce() + path);
      }
      if (cleared == DEAD_MAX || liveness == Liveness.ANSWERS) {
        throw new MountFailed(path + " is already a mount point (" + row.type() + ")");
      }
      LOG.info("{} is a dead mount ({}): cleared", path, row.type());
      if (!FuseSystem.unmount(path, true, UNMOUNT_NS)) {
        throw new MountFailed(
            path + " is a dead mount that cannot be cleared: try 'umount -l " + path + "'");
      }
      cleared++;
    }
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      throw new MountFailed("mount point " + path + " does not exist");
    }
    if (!Files.isDirectory(path)) {
      throw new MountFailed("mount point " + path + " is not a directory");
    }
    if (!nonEmpty && !isEmpty()) {
      throw new MountFailed(
          "mount point " + path + " is not empty: its files would be hidden (nonempty allows it)");
    }
  }

  private boolean isEmpty() throws MountFailed {
    try (Stream<Path> entries = Files.list(path)) {
      return entries.findAny().isEmpty();
    } catch (IOException e) {
      throw new MountFailed("mount point " + path + " cannot be read: " + e.getMessage());
    }
  }

  /** The topmost mount on this very path. */
  Optional<Row> row() {
    try (Stream<String> lines = Files.lines(MOUNT_TABLE, StandardCharsets.ISO_8859_1)) {
      String wanted = escaped(path);
      return lines
          .map(line -> line.split(" ", -1))
          .filter(words -> words.length > 4 && words[4].equals(wanted))
          .reduce((first, second) -> second)
          .map(MountPoint::row);
    } catch (IOException e) {
      LOG.warn("the mount table cannot be read: {}", e.toString());
      return Optional.empty();
    }
  }

  private static Row row(String[] words) {
    String device = words[2].substring(words[2].indexOf(':') + 1);
    int separator = 6;
    while (separator < words.length - 1 && !words[separator].equals("-")) {
      separator++;
    }
    return new Row(Long.parseLong(device), words[separator + 1]);
  }

  /** As the kernel writes a path: bytes, with white space and backslash in octal. */
  private static String escaped(Path path) {
    byte[] bytes = path.toString().getBytes(NativeText.CHARSET);
    StringBuilder text = new StringBuilder();
    for (byte b : bytes) {
      if (b == ' ' || b == '\t' || b == '\n' || b == '\\') {
        text.append(String.format("\\%03o", b));
      } else {
        text.append((char) (b & 0xFF));
      }
    }
    return text.toString();
  }
}
