package io.lockstep.fs.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Immutable. The supplementary groups of a thread, which no FUSE request carries. */
final class Groups {
  private static final String LINE = "Groups:";

  private Groups() {}

  /** Empty if the thread is gone or of another namespace. */
  static List<Integer> of(int pid) {
    try {
      for (String line :
          Files.readAllLines(Path.of("/proc/" + pid + "/status"), StandardCharsets.ISO_8859_1)) {
        if (line.startsWith(LINE)) {
          return parse(line.substring(LINE.length()).trim());
        }
      }
    } catch (IOException e) {
      // It ended meanwhile: then nobody waits for the answer either.
      return List.of();
    }
    return List.of();
  }

  private static List<Integer> parse(String numbers) {
    List<Integer> groups = new ArrayList<>();
    for (String number : numbers.split("\\s+", -1)) {
      if (!number.isEmpty()) {
        groups.add(Integer.parseUnsignedInt(number));
      }
    }
    return groups;
  }
}
