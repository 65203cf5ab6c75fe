package io.lockstep.metadata.server;

import io.lockstep.core.Check;
import io.lockstep.core.Times;
import io.lockstep.metadata.catalogue.KeeperTimes;
import io.lockstep.metadata.raft.RaftOptions;
import java.nio.file.Path;

/**
 * Immutable. How a master runs; checked before anything starts.
 *
 * @param dataDirectory made if it does not exist
 * @param cluster that the directory must belong to; 0 = the one it belongs to, a new one if it is
 *     new
 * @param version of this program, for people
 * @param raft who takes part in the log
 * @param times of sessions and calls
 * @param keeperTimes of the keepers of sets
 * @param queryThreads that answer queries
 * @param entriesInFlightMax log entries that may be on their way at once
 */
public record MetadataServerOptions(
    Path dataDirectory,
    long cluster,
    String version,
    RaftOptions raft,
    Times times,
    KeeperTimes keeperTimes,
    int queryThreads,
    int entriesInFlightMax) {

  public MetadataServerOptions {
    Check.that(queryThreads > 0, "query threads: %d", queryThreads);
    Check.that(entriesInFlightMax > 0, "entries in flight: %d", entriesInFlightMax);
  }

  /** One master on its own, on loopback, with the default times. */
  public static MetadataServerOptions single(Path dataDirectory, long cluster, String version) {
    return new MetadataServerOptions(
        dataDirectory,
        cluster,
        version,
        RaftOptions.single("127.0.0.1", 0),
        Times.DEFAULT,
        KeeperTimes.DEFAULT,
        2,
        1);
  }

  public MetadataServerOptions withRaft(RaftOptions newRaft) {
    return new MetadataServerOptions(
        dataDirectory,
        cluster,
        version,
        newRaft,
        times,
        keeperTimes,
        queryThreads,
        entriesInFlightMax);
  }

  public MetadataServerOptions withTimes(Times newTimes, KeeperTimes newKeeperTimes) {
    return new MetadataServerOptions(
        dataDirectory,
        cluster,
        version,
        raft,
        newTimes,
        newKeeperTimes,
        queryThreads,
        entriesInFlightMax);
  }

  public MetadataServerOptions withEntriesInFlight(int max) {
    return new MetadataServerOptions(
        dataDirectory, cluster, version, raft, times, keeperTimes, queryThreads, max);
  }
}
