package io.lockstep.tools.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  /** The live process that has mounted on {@code mountPoint}. */
  public static Optional<ProcessIdentity> find(Path state, Path mountPoint) throws IOException {
    return live(state).stream()
        .filter(ready -> Path.of(ready.address()).equals(mountPoint))
        .map(ReadyFile::process)
        .reduce((first, second) -> second);
  }

  /** What the live mounts of this user say of themselves. Records of dead ones are removed. */
  public static List<ReadyFile> live(Path state) throws IOException {
    if (!Files.isDirectory(directory(state))) {
      return List.of();
    }
    List<ReadyFile> live = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory(state))) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Optional<ReadyFile> ready = ReadyFile.readLive(file);
        if (ready.isEmpty()) {
          Files.deleteIfExists(file);
        } else {
          live.add(ready.get());
        }
      }
    }
    return live;
  }
}
