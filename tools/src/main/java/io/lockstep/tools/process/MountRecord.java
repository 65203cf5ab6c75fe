package io.lockstep.tools.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Immutable. Where the mounts of this user are written down, one ready file for each, so that
 * {@code umount} finds the process behind a directory: {@code ~/.lockstep/mounts/PID.ready}.
 */
public final class MountRecord {
  private MountRecord() {}

  /** The directory of these files in the state directory {@code state}. */
  public static Path directory(Path state) {
    return state.resolve("mounts");
  }

  /** The file for the mount that this process makes. */
  static Path own(Path state) {
    return directory(state).resolve(ProcessHandle.current().pid() + ".ready");
  }

  /** The live process that has mounted on {@code mountPoint}. Records of dead ones are removed. */
  public static Optional<ProcessIdentity> find(Path state, Path mountPoint) throws IOException {
    if (!Files.isDirectory(directory(state))) {
      return Optional.empty();
    }
    Optional<ProcessIdentity> found = Optional.empty();
    try (Stream<Path> files = Files.list(directory(state))) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Optional<ReadyFile> ready = ReadyFile.readLive(file);
        if (ready.isEmpty()) {
          Files.deleteIfExists(file);
        } else if (Path.of(ready.get().address()).equals(mountPoint)) {
          found = Optional.of(ready.get().process());
        }
      }
    }
    return found;
  }
}
