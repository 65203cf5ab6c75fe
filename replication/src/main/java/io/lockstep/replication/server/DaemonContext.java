package io.lockstep.replication.server;

import io.lockstep.core.Agent;
import io.lockstep.replication.store.DataDirectory;
import io.lockstep.replication.store.DiskSpace;
import io.lockstep.replication.store.ReplicaDb;
import io.lockstep.replication.store.ReplicaDirectory;
import io.lockstep.wire.PeerDirectory;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Immutable. What the parts of a daemon share.
 *
 * @param replicas the LIVE ones by set: written by the control agent, read by all; safe for threads
 */
record DaemonContext(
    StorageDaemonOptions options,
    DataDirectory data,
    ReplicaDb db,
    ReplicaDirectory directories,
    DiskSpace space,
    Agent control,
    List<DiskAgent> disks,
    Executor io,
    PeerDirectory peers,
    DaemonCounters counters,
    Map<Long, Replica> replicas) {

  /** The agent that owns the object. */
  DiskAgent disk(long inode) {
    // Inode ids are handed out one after another: mix them, so that shares stay equal.
    int mixed = Long.hashCode(inode * 0x9E3779B97F4A7C15L);
    return disks.get(Math.floorMod(mixed >>> 8, disks.size()));
  }

  /** Continues on the control agent; not bounded, since something admitted waits for it. */
  void toControl(Runnable task) {
    control.schedule(0, task);
  }

  /** Runs blocking work; false if the daemon is closing. */
  boolean onIo(Runnable task) {
    try {
      io.execute(task);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  long nowNs() {
    return control.clock().nowNs();
  }
}
