package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Immutable. A directory outside the work tree that every user may enter, removed at the end. */
final class Scratch implements AutoCloseable {
  private final Path path;

  Scratch() throws IOException {
    path =
        Files.createTempDirectory(
            "lockstep-fuse",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
  }

  Path path() {
    return path;
  }

  Path directory(String name) throws IOException {
    return Files.createDirectory(path.resolve(name));
  }

  /** Fails rather than to walk into something that is still mounted. */
  @Override
  public void close() throws IOException {
    String mounts = Files.readString(Path.of("/proc/self/mountinfo"));
    if (mounts.contains(" " + path + "/")) {
      throw new IOException("something is still mounted in " + path);
    }
    List<Path> all;
    try (Stream<Path> walk = Files.walk(path)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path each : all) {
      Files.delete(each);
    }
  }
}
