package io.lockstep.tools.repro;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;

/**
 * Immutable. What a mount under observation saw of itself.
 *
 * @param violations how often an eager lock came into a state that must not be
 * @param first the first of them, or empty
 * @param passed how often each delay point was passed
 * @param overlapped flushes that found a parked lock while others wrote
 * @param states of the eager locks by inode
 */
record MountReport(
    long violations,
    String first,
    Map<String, Long> passed,
    long overlapped,
    Map<String, String> states) {
  static final MountReport NONE = new MountReport(0, "", Map.of(), 0, Map.of());

  private static final ObjectMapper JSON = new ObjectMapper();

  /** It appears whole or not at all. */
  void write(Path file) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(fresh, JSON.writeValueAsString(this));
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  static Optional<MountReport> read(Path file) throws IOException {
    try {
      return Optional.of(JSON.readValue(Files.readString(file), MountReport.class));
    } catch (NoSuchFileException | JsonProcessingException e) {
      return Optional.empty();
    }
  }
}
