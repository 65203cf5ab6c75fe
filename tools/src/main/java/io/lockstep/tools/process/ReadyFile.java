package io.lockstep.tools.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * Immutable. What a process writes when it is usable: who it is and where it listens. It appears
 * whole or not at all, and speaks only of a process that is alive ({@link #readLive}).
 *
 * @param role master, storage or mount
 * @param process who wrote it
 * @param address host:port, or the mount point
 * @param startMs from the start of the JVM to ready
 * @param admin of a mount: host:port where it answers the command line, else null
 */
public record ReadyFile(
    String role, ProcessIdentity process, String address, long startMs, String admin) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Nowhere if {@code file} is null. */
  public void write(Path file) throws IOException {
    if (file == null) {
      return;
    }
    Path parent = file.toAbsolutePath().getParent();
    Files.createDirectories(parent);
    Path fresh = Files.createTempFile(parent, "ready", ".new");
    Files.writeString(fresh, JSON.writeValueAsString(this) + "\n");
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** What the file says, if the process that wrote it is still alive. */
  public static Optional<ReadyFile> readLive(Path file) throws IOException {
    try {
      ReadyFile ready = JSON.readValue(Files.readString(file), ReadyFile.class);
      return Optional.of(ready).filter(r -> r.process().isAlive());
    } catch (NoSuchFileException | JsonProcessingException e) {
      return Optional.empty();
    }
  }
}
