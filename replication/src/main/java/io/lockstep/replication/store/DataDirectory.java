package io.lockstep.replication.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Guarded by its own lock. The data directory of one daemon: whose it is, that nobody else runs on
 * it, and how often it was started.
 *
 * <p>Opening it is where a user's mistakes show: each message names the directory, what was found
 * and what to do.
 */
public final class DataDirectory implements AutoCloseable {
  /** What is stored here is for the daemon alone. */
  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private static final String IDENTITY = "identity";
  private static final String INCARNATION = "incarnation";
  private static final String IDENTITY_KIND = "STID";
  private static final String INCARNATION_KIND = "STIN";
  private static final int VERSION = 1;

  private final Path root;
  private final FileChannel lockChannel;
  private final FileLock fileLock;
  private final UUID daemon;
  private final long incarnation;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private long cluster;

  private DataDirectory(
      Path root,
      FileChannel lockChannel,
      FileLock fileLock,
      UUID daemon,
      long cluster,
      long incarnation) {
    this.root = root;
    this.lockChannel = lockChannel;
    this.fileLock = fileLock;
    this.daemon = daemon;
    this.cluster = cluster;
    this.incarnation = incarnation;
  }

  /**
   * Takes the directory for this process, making it if it is new, and begins a new incarnation.
   *
   * @param expectedCluster 0 = whichever it is
   * @param expectedDaemon null = whoever it is; a new directory gets it, or {@code fresh}
   * @param fresh the UUID of a new daemon
   */
  public static DataDirectory open(Path root, long expectedCluster, UUID expectedDaemon, UUID fresh)
      throws Outcome {
    try {
      Files.createDirectories(root, PRIVATE);
    } catch (FileAlreadyExistsException e) {
      throw new Outcome(
          ErrorCode.INVALID_ARGUMENT,
          "data directory " + root + ": is a file, expected a directory");
    } catch (IOException e) {
      throw unusable(root, "cannot be made", e);
    }
    if (!Files.isWritable(root)) {
      throw new Outcome(
          ErrorCode.ACCESS_DENIED, "data directory " + root + " is not writable for this user");
    }
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock held = tryLock(channel);
      if (held == null) {
        throw new Outcome(
            ErrorCode.RESOURCE_BUSY,
            "data directory " + root + " is in use by another running daemon");
      }
      DataDirectory opened =
          openLocked(root, channel, held, expectedCluster, expectedDaemon, fresh);
      channel = null;
      return opened;
    } catch (IOException e) {
      throw unusable(root, "cannot be used", e);
    } finally {
      closeQuietly(channel);
    }
  }

  private static FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static DataDirectory openLocked(
      Path root,
      FileChannel channel,
      FileLock held,
      long expectedCluster,
      UUID expectedDaemon,
      UUID fresh)
      throws IOException, Outcome {
    Path identity = root.resolve(IDENTITY);
    UUID daemon = expectedDaemon == null ? fresh : expectedDaemon;
    long cluster = expectedCluster;
    if (Files.exists(identity)) {
      ByteBuffer content =
          Checksummed.content(
              Files.readAllBytes(identity), IDENTITY_KIND, VERSION, identity.toString());
      cluster = content.getLong();
      daemon = new UUID(content.getLong(), content.getLong());
      checkExpected(root, cluster, daemon, expectedCluster, expectedDaemon);
    } else if (Files.exists(root.resolve("db")) || Files.exists(root.resolve("replicas"))) {
      throw new Outcome(
          ErrorCode.CORRUPT,
          "data directory " + root + " has data but no file '" + IDENTITY + "' that says whose");
    }
    if (!Files.exists(identity) || (cluster == 0 && expectedCluster != 0)) {
      cluster = cluster == 0 ? expectedCluster : cluster;
      DurableFiles.replace(identity, identityFile(cluster, daemon));
    }
    long incarnation = lastIncarnation(root) + 1;
    DurableFiles.replace(
        root.resolve(INCARNATION),
        Checksummed.file(
            INCARNATION_KIND, VERSION, ByteBuffer.allocate(8).putLong(incarnation).array()));
    return new DataDirectory(root, channel, held, daemon, cluster, incarnation);
  }

  private static void checkExpected(
      Path root, long cluster, UUID daemon, long expectedCluster, UUID expectedDaemon)
      throws Outcome {
    if (expectedCluster != 0 && cluster != 0 && cluster != expectedCluster) {
      throw otherCluster(root, cluster, expectedCluster);
    }
    if (expectedDaemon != null && !daemon.equals(expectedDaemon)) {
      throw new Outcome(
          ErrorCode.INVALID_ARGUMENT,
          "data directory "
              + root
              + " belongs to daemon "
              + daemon
              + ", not to "
              + expectedDaemon
              + ": give each daemon its own directory");
    }
  }

  private static Outcome otherCluster(Path root, long found, long expected) {
    return new Outcome(
        ErrorCode.WRONG_CLUSTER,
        "data directory "
            + root
            + " belongs to cluster "
            + Long.toHexString(found)
            + ", the master is of cluster "
            + Long.toHexString(expected)
            + ": use another directory or the right master");
  }

  private static long lastIncarnation(Path root) throws IOException, Outcome {
    Path file = root.resolve(INCARNATION);
    if (!Files.exists(file)) {
      return 0;
    }
    return Checksummed.content(Files.readAllBytes(file), INCARNATION_KIND, VERSION, file.toString())
        .getLong();
  }

  private static byte[] identityFile(long cluster, UUID daemon) {
    ByteBuffer content = ByteBuffer.allocate(24);
    content.putLong(cluster);
    content.putLong(daemon.getMostSignificantBits()).putLong(daemon.getLeastSignificantBits());
    return Checksummed.file(IDENTITY_KIND, VERSION, content.array());
  }

  private static Outcome unusable(Path root, String what, IOException e) {
    return new Outcome(
        StoreFailure.code(e), "data directory " + root + " " + what + ": " + StoreFailure.text(e));
  }

  public Path root() {
    return root;
  }

  public UUID daemon() {
    return daemon;
  }

  /** Of this run; greater than that of any run before. */
  public long incarnation() {
    return incarnation;
  }

  /** 0 as long as no master has answered. */
  public long cluster() {
    lock.lock();
    try {
      return cluster;
    } finally {
      lock.unlock();
    }
  }

  /** The master's word; durable. WRONG_CLUSTER if the directory belongs to another. */
  public void joinCluster(long joined) throws Outcome {
    long known = cluster();
    if (known == joined) {
      return;
    }
    if (known != 0) {
      throw otherCluster(root, known, joined);
    }
    try {
      DurableFiles.replace(root.resolve(IDENTITY), identityFile(joined, daemon));
    } catch (IOException e) {
      throw unusable(root, "cannot be written", e);
    }
    lock.lock();
    try {
      cluster = joined;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    try {
      fileLock.release();
    } catch (IOException e) {
      // Closing the channel below ends the lock too.
    }
    closeQuietly(lockChannel);
  }

  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // Nothing was written through it.
      }
    }
  }
}
