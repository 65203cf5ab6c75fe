package io.lockstep.tools.it;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Confined to its test. Errors of the disk for programs that have {@code disk-faults.c} preloaded:
 * built with gcc when it is needed, and told what to do through a page that it shares with them.
 */
final class DiskFaults {
  /** Calls, as the shim numbers them. */
  enum Call {
    READ(1),
    WRITE(2),
    SYNC(4);

    private final int bit;

    Call(int bit) {
      this.bit = bit;
    }
  }

  private static final int CALLS_AT = 0;
  private static final int ERROR_AT = 4;
  private static final int HITS_AT = 8;
  private static final int PREFIX_AT = 16;
  private static final int PREFIX_BYTES = 1024;
  private static final int PART_AT = PREFIX_AT + PREFIX_BYTES;
  private static final int PART_BYTES = 256;
  private static final int PAGE_BYTES = 4096;

  /** In place of an errno: the sync says that it was done. */
  static final int NOTHING = 0;

  private final Path shim;
  private final Path control;
  private final ByteBuffer page;

  private DiskFaults(Path shim, Path control, ByteBuffer page) {
    this.shim = shim;
    this.control = control;
    this.page = page;
  }

  static DiskFaults build(Path directory) throws Exception {
    Path source = copy("disk-faults.c", directory);
    Path shim = directory.resolve("disk-faults.so");
    TestCluster.shell(
        "gcc -Wall -Wextra -Werror -O2 -shared -fPIC -o \"$1\" \"$2\" -ldl", shim, source);
    Path control = directory.resolve("disk-faults");
    try (FileChannel channel =
        FileChannel.open(
            control,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      MappedByteBuffer page = channel.map(FileChannel.MapMode.READ_WRITE, 0, PAGE_BYTES);
      return new DiskFaults(shim, control, page.order(ByteOrder.nativeOrder()));
    }
  }

  /** A file that the tests bring with them. */
  static Path copy(String name, Path directory) throws IOException {
    try (InputStream resource = DiskFaults.class.getResourceAsStream("/faults/" + name)) {
      Path copy = directory.resolve(name);
      Files.copy(resource, copy, StandardCopyOption.REPLACE_EXISTING);
      return copy;
    }
  }

  Path shim() {
    return shim;
  }

  Path control() {
    return control;
  }

  /**
   * These calls fail from now on.
   *
   * @param error errno, or {@link #NOTHING} for syncs
   * @param prefix of the paths of the files
   * @param part that the paths contain behind it
   */
  void begin(Call call, int error, Path prefix, String part) {
    text(PREFIX_AT, PREFIX_BYTES, prefix + "/");
    text(PART_AT, PART_BYTES, part);
    page.putInt(ERROR_AT, error);
    page.putLong(HITS_AT, 0);
    page.putInt(CALLS_AT, call.bit);
  }

  /** How many calls did. */
  long end() {
    page.putInt(CALLS_AT, 0);
    return hits();
  }

  long hits() {
    return page.getLong(HITS_AT);
  }

  private void text(int at, int bytesMax, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= bytesMax) {
      throw new IllegalArgumentException(text + " is too long");
    }
    page.put(at, bytes).put(at + bytes.length, (byte) 0);
  }
}
