package io.lockstep.metadata.namespace;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Confined to one test. The same operations on a directory of the machine's own filesystem. */
final class LocalTree {
  /** What lstat shows of one path, times in nanoseconds. */
  record Stat(
      long inode, int mode, int nlink, int uid, int gid, long size, long mtime, long ctime) {}

  interface Operation {
    void run() throws IOException;
  }

  private static final Map<String, ErrorCode> REASONS =
      Map.of(
          "Not a directory", ErrorCode.NOT_DIRECTORY,
          "Is a directory", ErrorCode.IS_DIRECTORY,
          "Invalid argument", ErrorCode.INVALID_ARGUMENT,
          "Device or resource busy", ErrorCode.RESOURCE_BUSY,
          "File name too long", ErrorCode.NAME_TOO_LONG,
          "Operation not permitted", ErrorCode.NOT_PERMITTED,
          "Directory not empty", ErrorCode.NOT_EMPTY,
          "File exists", ErrorCode.EXISTS);

  private final Path top;
  private final Path probe;

  LocalTree(Path directory) throws IOException {
    top = Files.createDirectory(directory.resolve("tree"));
    probe = Files.createFile(directory.resolve("probe"));
  }

  private Path path(String path) {
    return path.isEmpty() ? top : top.resolve(path);
  }

  /** The errno that the operation ended with. */
  static ErrorCode code(Operation operation) throws IOException {
    try {
      operation.run();
      return ErrorCode.OK;
    } catch (NoSuchFileException e) {
      return ErrorCode.NOT_FOUND;
    } catch (FileAlreadyExistsException e) {
      return ErrorCode.EXISTS;
    } catch (DirectoryNotEmptyException e) {
      return ErrorCode.NOT_EMPTY;
    } catch (AccessDeniedException e) {
      return ErrorCode.ACCESS_DENIED;
    } catch (FileSystemException e) {
      ErrorCode code = REASONS.get(String.valueOf(e.getReason()));
      Check.that(code != null, "no errno for %s", e);
      return code;
    }
  }

  ErrorCode mkdir(String path) throws IOException {
    return code(() -> Files.createDirectory(path(path)));
  }

  ErrorCode create(String path) throws IOException {
    return code(() -> Files.createFile(path(path)));
  }

  ErrorCode symlink(String path, String target) throws IOException {
    return code(() -> Files.createSymbolicLink(path(path), Path.of(target)));
  }

  ErrorCode link(String path, String newPath) throws IOException {
    return code(() -> Files.createLink(path(newPath), path(path)));
  }

  ErrorCode delete(String path) throws IOException {
    return code(() -> Files.delete(path(path)));
  }

  ErrorCode rename(String path, String newPath) throws IOException {
    return code(() -> Files.move(path(path), path(newPath), StandardCopyOption.ATOMIC_MOVE));
  }

  ErrorCode chmod(String path, int mode) throws IOException {
    return code(() -> Files.setAttribute(path(path), "unix:mode", mode));
  }

  ErrorCode chown(String path, boolean group, int id) throws IOException {
    return code(
        () -> Files.setAttribute(path(path), group ? "unix:gid" : "unix:uid", id, NOFOLLOW_LINKS));
  }

  void truncate(String path, long size) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path(path).toFile(), "rw")) {
      file.setLength(size);
    }
  }

  void setMtime(String path, long seconds) throws IOException {
    Files.getFileAttributeView(path(path), BasicFileAttributeView.class)
        .setTimes(FileTime.from(seconds, TimeUnit.SECONDS), null, null);
  }

  ErrorCode setXattr(String path, String name, byte[] value) throws IOException {
    return code(() -> xattrs(path).write(name, ByteBuffer.wrap(value)));
  }

  boolean removeXattr(String path, String name) throws IOException {
    boolean there = xattrs(path).list().contains(name);
    if (there) {
      xattrs(path).delete(name);
    }
    return there;
  }

  Map<String, Integer> listXattrs(String path) throws IOException {
    Map<String, Integer> sizes = new TreeMap<>();
    for (String name : xattrs(path).list()) {
      sizes.put("user." + name, xattrs(path).size(name));
    }
    return sizes;
  }

  private UserDefinedFileAttributeView xattrs(String path) {
    return Files.getFileAttributeView(path(path), UserDefinedFileAttributeView.class);
  }

  String readLink(String path) throws IOException {
    return Files.readSymbolicLink(path(path)).toString();
  }

  Map<String, Stat> snapshot() throws IOException {
    Map<String, Stat> stats = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(top)) {
      for (Path path : (Iterable<Path>) paths::iterator) {
        stats.put(top.relativize(path).toString(), stat(path));
      }
    }
    return stats;
  }

  private static Stat stat(Path path) throws IOException {
    Map<String, Object> found = Files.readAttributes(path, "unix:*", NOFOLLOW_LINKS);
    return new Stat(
        (Long) found.get("ino"),
        (Integer) found.get("mode"),
        (Integer) found.get("nlink"),
        (Integer) found.get("uid"),
        (Integer) found.get("gid"),
        (Long) found.get("size"),
        ((FileTime) found.get("lastModifiedTime")).to(TimeUnit.NANOSECONDS),
        ((FileTime) found.get("ctime")).to(TimeUnit.NANOSECONDS));
  }

  /** Goes on when the clock of the filesystem has: the next change has a later time. */
  void awaitTick() throws IOException {
    Files.setAttribute(probe, "unix:mode", 0600);
    long start = stat(probe).ctime();
    while (stat(probe).ctime() == start) {
      Files.setAttribute(probe, "unix:mode", 0600);
    }
  }
}
