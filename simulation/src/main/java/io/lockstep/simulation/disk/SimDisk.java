package io.lockstep.simulation.disk;

import io.lockstep.simulation.world.PowerCut;
import io.lockstep.simulation.world.SimAgent;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.VirtualTime;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation. One disk: outlives the runs of its daemon. Data is
 * durable after a sync of its file, names after a sync of a directory, rows after a write with
 * sync; of the rest a loss of power keeps what chance keeps: any sectors of a file, the first part
 * of the changes of names, the first part of the rows.
 */
public final class SimDisk {
  private static final int SECTOR_BYTES = 512;

  private final VirtualTime time;
  private final SimHost host;
  private final Random random;
  private final SimFileSystem files;
  private final SimRows rows;
  private long syncNs = 300_000;
  private long capacityBytes = 1L << 40;
  private long usedBytes;
  private int syncFailures;
  private int rowFailures;
  private long operationsToCut = -1;

  public SimDisk(VirtualTime time, SimHost host, Random random) {
    this.time = time;
    this.host = host;
    this.random = random;
    this.files = new SimFileSystem(this);
    this.rows = new SimRows(this);
  }

  /** The directory of the daemon. */
  public Path root() {
    return files.path("/data");
  }

  /** The rows, for one run of the daemon. */
  public SimRows.Session openRows() {
    return rows.open();
  }

  /** The row as a loss of power at this instant would leave it at the least, or null. */
  public byte[] durableRow(byte[] key) {
    return rows.durable(key);
  }

  VirtualTime time() {
    return time;
  }

  // ---- faults

  /** How long a sync takes from now on. */
  public void syncNs(long durationNs) {
    syncNs = durationNs;
  }

  public long syncNs() {
    return syncNs;
  }

  /** So many of the next syncs of files fail; their pages turn clean and are gone (ATC'20). */
  public void failSyncs(int count) {
    syncFailures = count;
  }

  /** So many of the next synced writes of rows fail. */
  public void failRows(int count) {
    rowFailures = count;
  }

  public void capacity(long bytes) {
    capacityBytes = bytes;
  }

  /** The power is cut in the middle of what the daemon does, after so many more disk operations. */
  public void cutAfter(long operations) {
    operationsToCut = operations;
  }

  /** Nothing more of what was planned goes wrong. */
  public void heal() {
    syncFailures = 0;
    rowFailures = 0;
    operationsToCut = -1;
    capacityBytes = 1L << 40;
    syncNs = 300_000;
  }

  /** Changes one bit of a block of some object, on the disk; false if there is nothing to flip. */
  public boolean flipBit() {
    return files.flipBit(random);
  }

  /** The process ended: everything that it wrote is still in the memory of the machine. */
  public void onProcessEnded() {
    rows.onProcessEnded();
    files.onProcessEnded();
  }

  /** The machine lost power. */
  public void onPowerLost() {
    files.onPowerLost(random);
    rows.onPowerLost(random);
  }

  // ---- what the parts ask

  /** Before each operation. */
  void onOperation() {
    if (operationsToCut >= 0 && operationsToCut-- == 0) {
      operationsToCut = -1;
      throw new PowerCut(host);
    }
  }

  void onSync() throws IOException {
    onOperation();
    spend(syncNs / 2 + (long) (random.nextDouble() * syncNs));
  }

  /** Whether the sync of a file fails now. */
  boolean takeSyncFailure() {
    if (syncFailures > 0) {
      syncFailures--;
      return true;
    }
    return false;
  }

  boolean takeRowFailure() {
    if (rowFailures > 0) {
      rowFailures--;
      return true;
    }
    return false;
  }

  private void spend(long durationNs) {
    SimAgent agent = time.running();
    if (agent != null) {
      agent.spend(durationNs);
    }
  }

  void take(long bytes) throws IOException {
    if (bytes > 0 && usedBytes + bytes > capacityBytes) {
      throw new IOException("No space left on device");
    }
    usedBytes += bytes;
  }

  long capacityBytes() {
    return capacityBytes;
  }

  long freeBytes() {
    return Math.max(0, capacityBytes - usedBytes);
  }

  /** Which sectors of [offset, offset + length) a loss of power keeps, as pieces. */
  static List<long[]> keptSectors(Random random, long offset, int length) {
    List<long[]> kept = new ArrayList<>();
    int how = random.nextInt(3);
    if (how == 0) {
      return kept;
    }
    long end = offset + length;
    for (long at = offset; at < end; ) {
      long next = Math.min(end, (at / SECTOR_BYTES + 1) * SECTOR_BYTES);
      if (how == 1 || random.nextBoolean()) {
        kept.add(new long[] {at, next});
      }
      at = next;
    }
    return kept;
  }
}
