package io.lockstep.replication.server;

import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. What a storage daemon is told at its start.
 *
 * @param directory where it keeps everything
 * @param masters addresses of the masters, host:port
 * @param cluster expected; 0 = that of the data directory or of the first master that answers
 * @param daemon expected; null = that of the data directory
 * @param zone for placement; may be empty
 * @param version of the software, for people
 * @param reserveBytes kept free on the disk: below, writes get NO_SPACE
 * @param openFilesMax bound of the cache of open object files
 * @param heartbeatNs between heartbeats
 * @param callTimeoutNs of calls to masters and members
 * @param verifyNs between runs of the background verify
 */
public record StorageDaemonOptions(
    Path directory,
    List<String> masters,
    long cluster,
    @Nullable UUID daemon,
    String zone,
    String version,
    long reserveBytes,
    int openFilesMax,
    long heartbeatNs,
    long callTimeoutNs,
    long verifyNs) {
  public StorageDaemonOptions {
    masters = List.copyOf(masters);
    if (masters.isEmpty()) {
      throw new IllegalArgumentException("a storage daemon needs the address of a master");
    }
  }

  /** With the defaults of DESIGN section 6. */
  public static StorageDaemonOptions of(Path directory, List<String> masters) {
    return new StorageDaemonOptions(
        directory,
        masters,
        0,
        null,
        "",
        "",
        64L << 20,
        512,
        TimeUnit.SECONDS.toNanos(1),
        TimeUnit.SECONDS.toNanos(4),
        TimeUnit.SECONDS.toNanos(30));
  }
}
