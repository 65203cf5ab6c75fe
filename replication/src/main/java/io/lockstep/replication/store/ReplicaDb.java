package io.lockstep.replication.store;

import com.google.protobuf.InvalidProtocolBufferException;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.marks.MarksFormat;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.registry.ReplicaRecord;
import io.lockstep.replication.registry.ReplicaState;
import io.lockstep.wire.message.SetConfigMessage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Immutable but for one flag; its rows guard themselves. What a daemon knows of its replicas and
 * objects beside their bytes: registry, configurations, marks, checksums.
 *
 * <p>The first write that fails stops the store: what reached the disk is unknown, so every later
 * write fails and other members rebuild this one.
 */
public final class ReplicaDb implements AutoCloseable {
  /** Takes rows in order; false ends the scan. */
  public interface RowConsumer {
    boolean onRow(ObjectKey key, ObjectMarks marks);
  }

  private static final byte RECORD_VERSION = 1;
  private static final int RECORD_BYTES = 1 + 1 + 1 + 3 * 8;

  private final RowStore rows;
  private volatile @Nullable String failure;

  /** In RocksDB. */
  public ReplicaDb(Path directory) throws IOException {
    this(new RocksRows(directory));
  }

  public ReplicaDb(RowStore rows) {
    this.rows = rows;
  }

  public DbBatch batch() {
    return new DbBatch(rows.newBatch());
  }

  /**
   * Applies the batch whole; durable at return if anything in it must be. After a failure an empty
   * one fails, too: the marks in memory that it relies on may be those that did not get here.
   */
  public void commit(DbBatch batch) throws IOException {
    checkUsable();
    if (!batch.isEmpty()) {
      write(batch, batch.isDurable());
    }
  }

  private void checkUsable() throws IOException {
    if (failure != null) {
      throw new IOException("the database failed earlier: " + failure);
    }
  }

  private void write(DbBatch batch, boolean sync) throws IOException {
    checkUsable();
    try {
      rows.write(batch.rows(), sync);
    } catch (IOException e) {
      failure = e.getMessage();
      throw e;
    }
  }

  /** The marks of an object; NONE if it has no row. */
  public ObjectMarks marks(ObjectKey key) throws IOException, Outcome {
    byte[] value = get(DbKeys.ofObject(DbKeys.MARKS, key));
    return value == null ? ObjectMarks.NONE : decode(key, value);
  }

  private static ObjectMarks decode(ObjectKey key, byte[] value) throws Outcome {
    return MarksFormat.decode(Checksummed.open(value, "the record of object " + key));
  }

  byte @Nullable [] sums(ObjectKey key, int group) throws IOException, Outcome {
    byte[] value = get(DbKeys.ofSums(key, group));
    return value == null ? null : Checksummed.open(value, "the checksums of object " + key);
  }

  private byte @Nullable [] get(byte[] key) throws IOException {
    return rows.get(key);
  }

  /** Objects of a set in order of inode, after {@code cursor} if it is not 0. */
  public void scan(long set, long cursor, boolean markedOnly, RowConsumer consumer)
      throws IOException, Outcome {
    byte kind = markedOnly ? DbKeys.MARKED : DbKeys.MARKS;
    byte[] from =
        cursor == 0
            ? DbKeys.ofSet(kind, set)
            : DbKeys.behindObject(kind, new ObjectKey(set, cursor));
    rows.scan(
        from,
        DbKeys.behindSet(kind, set),
        (row, value) -> {
          ObjectKey key = new ObjectKey(set, DbKeys.inode(row));
          ObjectMarks marks =
              markedOnly
                  ? decodeOrNone(key, get(DbKeys.ofObject(DbKeys.MARKS, key)))
                  : decode(key, value);
          return consumer.onRow(key, marks);
        });
  }

  private static ObjectMarks decodeOrNone(ObjectKey key, byte[] value) throws Outcome {
    return value == null ? ObjectMarks.NONE : decode(key, value);
  }

  /** A registry record, durable at return. */
  public void putRecord(ReplicaRecord record) throws IOException {
    ByteBuffer value = ByteBuffer.allocate(RECORD_BYTES);
    value.put(RECORD_VERSION).put((byte) record.state().number());
    value.put((byte) (record.whole() ? 1 : 0));
    value.putLong(record.set()).putLong(record.volume()).putLong(record.epoch());
    try (DbBatch batch = batch()) {
      batch.rows().put(DbKeys.ofSet(DbKeys.RECORD, record.set()), Checksummed.seal(value.array()));
      write(batch, true);
    }
  }

  /** Forgets the replica with all that is known of its objects, durably. */
  public void removeReplica(long set) throws IOException {
    try (DbBatch batch = batch()) {
      for (byte kind : new byte[] {DbKeys.MARKS, DbKeys.MARKED, DbKeys.SUMS}) {
        batch.rows().deleteRange(DbKeys.ofSet(kind, set), DbKeys.behindSet(kind, set));
      }
      batch.rows().delete(DbKeys.ofSet(DbKeys.RECORD, set));
      batch.rows().delete(DbKeys.ofSet(DbKeys.CONFIG, set));
      write(batch, true);
    }
  }

  public List<ReplicaRecord> records() throws IOException, Outcome {
    List<ReplicaRecord> records = new ArrayList<>();
    for (byte[] sealed : values(DbKeys.RECORD)) {
      ByteBuffer value = ByteBuffer.wrap(Checksummed.open(sealed, "a registry record"));
      int version = value.get();
      ReplicaState state = ReplicaState.ofNumber(value.get());
      boolean whole = value.get() != 0;
      if (version != RECORD_VERSION || state == null) {
        throw new Outcome(ErrorCode.WRONG_VERSION, "a registry record has format " + version);
      }
      records.add(
          new ReplicaRecord(value.getLong(), value.getLong(), state, value.getLong(), whole));
    }
    return records;
  }

  /** The adopted configuration of a set, durable at return (P9). */
  public void putConfig(SetConfigMessage config) throws IOException {
    try (DbBatch batch = batch()) {
      batch
          .rows()
          .put(
              DbKeys.ofSet(DbKeys.CONFIG, config.getSet()), Checksummed.seal(config.toByteArray()));
      write(batch, true);
    }
  }

  public List<SetConfigMessage> configs() throws IOException, Outcome {
    List<SetConfigMessage> configs = new ArrayList<>();
    for (byte[] sealed : values(DbKeys.CONFIG)) {
      try {
        configs.add(
            SetConfigMessage.parseFrom(Checksummed.open(sealed, "an adopted configuration")));
      } catch (InvalidProtocolBufferException e) {
        throw new Outcome(ErrorCode.CORRUPT, "an adopted configuration: " + e.getMessage());
      }
    }
    return configs;
  }

  private List<byte[]> values(byte kind) throws IOException, Outcome {
    List<byte[]> values = new ArrayList<>();
    rows.scan(
        DbKeys.first(kind),
        DbKeys.behind(kind),
        (key, value) -> {
          values.add(value);
          return true;
        });
    return values;
  }

  /** What stopped the store, or null. */
  public @Nullable String failure() {
    return failure;
  }

  @Override
  public void close() {
    rows.close();
  }
}
