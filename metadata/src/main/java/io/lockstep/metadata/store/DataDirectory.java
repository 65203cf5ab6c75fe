package io.lockstep.metadata.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Immutable but for {@link #close}. A master's data directory: locked against other processes, and
 * of the cluster that its file {@code identity} names.
 *
 * <pre>
 * identity   three lines: kind and version, cluster, CRC32C of the lines before
 * lock       held while a process runs on this directory
 * raft/      the Raft log, by Ratis
 * state/     the store: live/, and checkpoints
 * </pre>
 */
public final class DataDirectory implements AutoCloseable {
  /** What is stored here is for the daemon alone. */
  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final String KIND = "lockstep-master";
  private static final int VERSION = 1;

  private final Path path;
  private final long cluster;
  private final boolean fresh;
  private final FileChannel lockChannel;

  private DataDirectory(Path path, long cluster, boolean fresh, FileChannel lockChannel) {
    this.path = path;
    this.cluster = cluster;
    this.fresh = fresh;
    this.lockChannel = lockChannel;
  }

  /**
   * Opens or makes the directory.
   *
   * @param cluster that it must belong to; 0 = the one it belongs to, a new one if it is new
   * @throws IOException with one line that a user can act on
   */
  public static DataDirectory open(Path path, long cluster) throws IOException {
    Files.createDirectories(path, PRIVATE);
    FileChannel lockChannel = lock(path);
    try {
      Path file = path.resolve("identity");
      if (!Files.exists(file)) {
        refuseForeign(path);
        long chosen = cluster != 0 ? cluster : newCluster();
        Durable.writeFile(file, encode(chosen));
        return new DataDirectory(path, chosen, true, lockChannel);
      }
      long found = decode(file);
      if (cluster != 0 && cluster != found) {
        throw new IOException(
            String.format(
                Locale.ROOT,
                "data directory %s belongs to cluster %016x, not to %016x",
                path,
                found,
                cluster));
      }
      return new DataDirectory(path, found, false, lockChannel);
    } catch (IOException | RuntimeException e) {
      lockChannel.close();
      throw e;
    }
  }

  public Path path() {
    return path;
  }

  public long cluster() {
    return cluster;
  }

  /** Whether it was made by this opening. */
  public boolean isFresh() {
    return fresh;
  }

  public Path raft() {
    return path.resolve("raft");
  }

  public Path state() {
    return path.resolve("state");
  }

  @Override
  public void close() throws IOException {
    lockChannel.close();
  }

  private static FileChannel lock(Path path) throws IOException {
    FileChannel channel =
        FileChannel.open(path.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // Held by this very process: as locked as by another.
      lock = null;
    } finally {
      if (lock == null) {
        channel.close();
      }
    }
    if (lock == null) {
      throw new IOException("data directory " + path + " is in use by another process");
    }
    return channel;
  }

  private static void refuseForeign(Path path) throws IOException {
    for (Path entry : Durable.list(path)) {
      String name = String.valueOf(entry.getFileName());
      if (!name.equals("lock") && !name.equals("identity.tmp")) {
        throw new IOException(
            "directory "
                + path
                + " is not a master's data directory and not empty: it has '"
                + name
                + "' but no file 'identity'");
      }
    }
  }

  private static long newCluster() {
    SecureRandom random = new SecureRandom();
    long id = random.nextLong();
    return id == 0 ? 1 : id;
  }

  private static byte[] encode(long cluster) {
    String lines =
        String.format(Locale.ROOT, "%s %d%ncluster %016x%n", KIND, VERSION, cluster)
            .replace(System.lineSeparator(), "\n");
    return (lines + crcLine(lines)).getBytes(StandardCharsets.US_ASCII);
  }

  private static String crcLine(String lines) {
    CRC32C crc = new CRC32C();
    crc.update(lines.getBytes(StandardCharsets.ISO_8859_1));
    return String.format(Locale.ROOT, "crc32c %08x\n", crc.getValue());
  }

  private static long decode(Path file) throws IOException {
    String text = Files.readString(file, StandardCharsets.ISO_8859_1);
    List<String> lines = text.lines().toList();
    String[] head = lines.isEmpty() ? new String[0] : lines.get(0).split(" ", -1);
    if (head.length != 2 || !head[0].equals(KIND)) {
      throw new IOException(
          "directory " + file.getParent() + " is not a master's data directory: see " + file);
    }
    int version = number(head[1]);
    if (version > VERSION) {
      throw new IOException(
          "data directory "
              + file.getParent()
              + " has format "
              + version
              + ", newer than the "
              + VERSION
              + " that this version of lockstep knows: use a newer lockstep");
    }
    int crcAt = text.lastIndexOf("crc32c ");
    if (version < 1
        || crcAt < 0
        || !text.substring(crcAt).equals(crcLine(text.substring(0, crcAt)))) {
      throw new IOException("file " + file + " is damaged: its checksum does not match");
    }
    Map<String, String> fields = new HashMap<>();
    for (String line : lines) {
      int space = line.indexOf(' ');
      if (space > 0) {
        fields.put(line.substring(0, space), line.substring(space + 1));
      }
    }
    try {
      return Long.parseUnsignedLong(fields.getOrDefault("cluster", ""), 16);
    } catch (NumberFormatException e) {
      throw new IOException("file " + file + " names no cluster", e);
    }
  }

  private static int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      return 0;
    }
  }
}
