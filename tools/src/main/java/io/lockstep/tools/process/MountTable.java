package io.lockstep.tools.process;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Immutable. What is mounted where, from {@code /proc/self/mountinfo}, oldest first. */
public record MountTable(List<Row> rows) {
  /**
   * One mount.
   *
   * @param device its minor number, which is the number of a FUSE connection
   * @param owner the user that made a mount of FUSE, or {@link #NO_OWNER}
   */
  public record Row(Path directory, String type, String source, int device, long owner) {}

  static final long NO_OWNER = -1;

  private static final Path MOUNT_INFO = Path.of("/proc/self/mountinfo");
  private static final int DEVICE_INDEX = 2;
  private static final int DIRECTORY_INDEX = 4;
  private static final String OWNER = "user_id=";

  public MountTable {
    rows = List.copyOf(rows);
  }

  public static MountTable read() throws IOException {
    return parse(Files.readString(MOUNT_INFO, StandardCharsets.ISO_8859_1));
  }

  static MountTable parse(String mountInfo) {
    List<Row> rows = new ArrayList<>();
    for (String line : mountInfo.lines().toList()) {
      String[] fields = line.split(" ");
      int separator = List.of(fields).indexOf("-");
      if (separator > DIRECTORY_INDEX && fields.length > separator + 2) {
        rows.add(
            new Row(
                Path.of(unescape(fields[DIRECTORY_INDEX])),
                fields[separator + 1],
                unescape(fields[separator + 2]),
                minor(fields[DEVICE_INDEX]),
                owner(fields[fields.length - 1])));
      }
    }
    return new MountTable(rows);
  }

  private static int minor(String device) {
    return Integer.parseInt(device.substring(device.indexOf(':') + 1));
  }

  private static long owner(String options) {
    return Stream.of(options.split(","))
        .filter(option -> option.startsWith(OWNER))
        .map(option -> Long.parseLong(option.substring(OWNER.length())))
        .findFirst()
        .orElse(NO_OWNER);
  }

  /** The topmost mount on exactly this directory. */
  public Optional<Row> on(Path directory) {
    Path absolute = directory.toAbsolutePath().normalize();
    return rows.stream().filter(row -> row.directory().equals(absolute)).reduce((a, b) -> b);
  }

  /** Blanks, tabs, newlines and backslashes stand there as a backslash and three octal digits. */
  private static String unescape(String field) {
    byte[] raw = field.getBytes(StandardCharsets.ISO_8859_1);
    ByteArrayOutputStream plain = new ByteArrayOutputStream(raw.length);
    for (int i = 0; i < raw.length; i++) {
      if (raw[i] == '\\' && i + 3 < raw.length) {
        plain.write(Integer.parseInt(new String(raw, i + 1, 3, StandardCharsets.ISO_8859_1), 8));
        i += 3;
      } else {
        plain.write(raw[i]);
      }
    }
    return plain.toString(StandardCharsets.UTF_8);
  }
}
