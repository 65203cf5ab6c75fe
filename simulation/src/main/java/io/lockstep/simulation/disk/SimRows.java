package io.lockstep.simulation.disk;

import io.lockstep.core.Outcome;
import io.lockstep.replication.store.RowStore;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;

/**
 * Confined to the thread of the simulation. The model of RocksDB with a write-ahead log: batches
 * are applied in order, a synced one makes all before it durable, a loss of power keeps a first
 * part of the rest.
 */
final class SimRows {
  private static final Comparator<byte[]> ORDER = Arrays::compareUnsigned;

  private final SimDisk disk;
  private final TreeMap<byte[], byte[]> durable = new TreeMap<>(ORDER);
  private TreeMap<byte[], byte[]> current = new TreeMap<>(ORDER);
  private final ArrayDeque<List<Change>> unsynced = new ArrayDeque<>();
  private Session open;

  /** Immutable. A put, a deletion (no value), or the deletion of a range (to). */
  private static final class Change {
    private final byte[] key;
    private final byte[] value;
    private final byte[] to;

    Change(byte[] key, byte[] value, byte[] to) {
      this.key = key;
      this.value = value;
      this.to = to;
    }

    void apply(NavigableMap<byte[], byte[]> rows) {
      if (to != null) {
        rows.subMap(key, true, to, false).clear();
      } else if (value == null) {
        rows.remove(key);
      } else {
        rows.put(key, value);
      }
    }
  }

  private static final class SimBatch implements RowStore.Batch {
    private final List<Change> changes = new ArrayList<>();

    @Override
    public void put(byte[] key, byte[] value) {
      changes.add(new Change(key.clone(), value.clone(), null));
    }

    @Override
    public void delete(byte[] key) {
      changes.add(new Change(key.clone(), null, null));
    }

    @Override
    public void deleteRange(byte[] from, byte[] to) {
      changes.add(new Change(from.clone(), null, to.clone()));
    }

    @Override
    public boolean isEmpty() {
      return changes.isEmpty();
    }

    @Override
    public void close() {}
  }

  SimRows(SimDisk disk) {
    this.disk = disk;
  }

  /** What is there after a loss of power at this instant, whatever chance keeps; or null. */
  byte[] durable(byte[] key) {
    return durable.get(key);
  }

  Session open() {
    open = new Session();
    return open;
  }

  void onProcessEnded() {
    open = null;
    // The next run finds what is in the log, also a batch whose sync failed.
    current = new TreeMap<>(ORDER);
    current.putAll(durable);
    unsynced.forEach(changes -> changes.forEach(change -> change.apply(current)));
  }

  void onPowerLost(Random random) {
    int kept = unsynced.isEmpty() ? 0 : random.nextInt(unsynced.size() + 1);
    for (int i = 0; i < kept; i++) {
      unsynced.poll().forEach(change -> change.apply(durable));
    }
    unsynced.clear();
    current = new TreeMap<>(ORDER);
    current.putAll(durable);
  }

  /** The rows as one run of the daemon has them open. */
  public final class Session implements RowStore {
    private boolean failed;

    private Session() {}

    @Override
    public Batch newBatch() {
      return new SimBatch();
    }

    @Override
    public void write(Batch batch, boolean sync) throws IOException {
      checkOpen();
      if (failed) {
        throw new IOException("the log of the rows failed earlier");
      }
      disk.onOperation();
      List<Change> changes = List.copyOf(((SimBatch) batch).changes);
      if (sync && disk.takeRowFailure()) {
        failed = true;
        // What of it reached the log is not known; nothing is applied for this run.
        unsynced.add(changes);
        throw new IOException("the log of the rows cannot be synced: Input/output error");
      }
      changes.forEach(change -> change.apply(current));
      unsynced.add(changes);
      if (sync) {
        disk.onSync();
        for (List<Change> each : unsynced) {
          each.forEach(change -> change.apply(durable));
        }
        unsynced.clear();
      }
    }

    @Override
    public byte[] get(byte[] key) throws IOException {
      checkOpen();
      byte[] value = current.get(key);
      return value == null ? null : value.clone();
    }

    @Override
    public void scan(byte[] from, byte[] to, Visitor visitor) throws IOException, Outcome {
      checkOpen();
      if (ORDER.compare(from, to) >= 0) {
        return;
      }
      for (Map.Entry<byte[], byte[]> row : current.subMap(from, true, to, false).entrySet()) {
        if (!visitor.onRow(row.getKey().clone(), row.getValue().clone())) {
          return;
        }
      }
    }

    private void checkOpen() throws IOException {
      if (open != this) {
        throw new IOException("the database is closed");
      }
    }

    @Override
    public void close() {
      if (open == this) {
        open = null;
      }
    }
  }
}
