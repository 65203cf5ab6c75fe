package io.lockstep.replication.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
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
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Slice;
import org.rocksdb.WriteOptions;

/**
 * Guarded by its own lock, shared by users and taken alone by closing: RocksDB itself serves all
 * threads, but a use after its end would crash the process.
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
  private static final long MEBIBYTE = 1 << 20;

  static {
    RocksDB.loadLibrary();
  }

  private final LRUCache cache = new LRUCache(16 * MEBIBYTE);
  private final Options options;
  private final WriteOptions durable = new WriteOptions().setSync(true);
  private final WriteOptions relaxed = new WriteOptions().setSync(false);
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final RocksDB db;

  @GuardedBy("lock")
  private boolean closed;

  private volatile @Nullable String failure;

  public ReplicaDb(Path directory) throws IOException {
    options =
        new Options()
            .setCreateIfMissing(true)
            .setWriteBufferSize(8 * MEBIBYTE)
            .setMaxWriteBufferNumber(3)
            .setMaxTotalWalSize(64 * MEBIBYTE)
            .setMaxOpenFiles(128)
            .setMaxBackgroundJobs(2)
            .setKeepLogFileNum(2)
            .setMaxLogFileSize(MEBIBYTE)
            .setTableFormatConfig(new BlockBasedTableConfig().setBlockCache(cache));
    RocksDB opened = null;
    try {
      opened = RocksDB.open(options, directory.toString());
    } catch (RocksDBException e) {
      closeOptions();
      throw new IOException(directory + " cannot be opened: " + e.getMessage(), e);
    }
    db = opened;
  }

  public DbBatch batch() {
    return new DbBatch();
  }

  /** Applies the batch whole; durable at return if anything in it must be. */
  public void commit(DbBatch batch) throws IOException {
    if (!batch.isEmpty()) {
      write(batch, batch.isDurable());
    }
  }

  private void write(DbBatch batch, boolean sync) throws IOException {
    if (failure != null) {
      throw new IOException("the database failed earlier: " + failure);
    }
    lock.readLock().lock();
    try {
      checkOpen();
      db.write(sync ? durable : relaxed, batch.batch());
    } catch (RocksDBException e) {
      failure = e.getMessage();
      throw new IOException("the database cannot be written: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
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
    lock.readLock().lock();
    try {
      checkOpen();
      return db.get(key);
    } catch (RocksDBException e) {
      throw new IOException("the database cannot be read: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Objects of a set in order of inode, after {@code cursor} if it is not 0. */
  public void scan(long set, long cursor, boolean markedOnly, RowConsumer consumer)
      throws IOException, Outcome {
    byte kind = markedOnly ? DbKeys.MARKED : DbKeys.MARKS;
    byte[] from =
        cursor == 0
            ? DbKeys.ofSet(kind, set)
            : DbKeys.behindObject(kind, new ObjectKey(set, cursor));
    lock.readLock().lock();
    try (Slice end = new Slice(DbKeys.behindSet(kind, set));
        ReadOptions read = new ReadOptions().setIterateUpperBound(end)) {
      checkOpen();
      try (RocksIterator rows = db.newIterator(read)) {
        boolean more = true;
        for (rows.seek(from); more && rows.isValid(); rows.next()) {
          ObjectKey key = new ObjectKey(set, DbKeys.inode(rows.key()));
          ObjectMarks marks =
              markedOnly
                  ? decodeOrNone(key, db.get(DbKeys.ofObject(DbKeys.MARKS, key)))
                  : decode(key, rows.value());
          more = consumer.onRow(key, marks);
        }
        rows.status();
      }
    } catch (RocksDBException e) {
      throw new IOException("the database cannot be read: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
    }
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
      batch.batch().put(DbKeys.ofSet(DbKeys.RECORD, record.set()), Checksummed.seal(value.array()));
      write(batch, true);
    } catch (RocksDBException e) {
      throw new IOException(e);
    }
  }

  /** Forgets the replica with all that is known of its objects, durably. */
  public void removeReplica(long set) throws IOException {
    try (DbBatch batch = batch()) {
      for (byte kind : new byte[] {DbKeys.MARKS, DbKeys.MARKED, DbKeys.SUMS}) {
        batch.batch().deleteRange(DbKeys.ofSet(kind, set), DbKeys.behindSet(kind, set));
      }
      batch.batch().delete(DbKeys.ofSet(DbKeys.RECORD, set));
      batch.batch().delete(DbKeys.ofSet(DbKeys.CONFIG, set));
      write(batch, true);
    } catch (RocksDBException e) {
      throw new IOException(e);
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
          .batch()
          .put(
              DbKeys.ofSet(DbKeys.CONFIG, config.getSet()), Checksummed.seal(config.toByteArray()));
      write(batch, true);
    } catch (RocksDBException e) {
      throw new IOException(e);
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

  private List<byte[]> values(byte kind) throws IOException {
    List<byte[]> values = new ArrayList<>();
    lock.readLock().lock();
    try (Slice end = new Slice(DbKeys.behind(kind));
        ReadOptions read = new ReadOptions().setIterateUpperBound(end)) {
      checkOpen();
      try (RocksIterator rows = db.newIterator(read)) {
        for (rows.seek(DbKeys.first(kind)); rows.isValid(); rows.next()) {
          values.add(rows.value());
        }
        rows.status();
      }
    } catch (RocksDBException e) {
      throw new IOException("the database cannot be read: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
    }
    return values;
  }

  /** What stopped the store, or null. */
  public @Nullable String failure() {
    return failure;
  }

  @GuardedBy("lock")
  private void checkOpen() throws IOException {
    if (closed) {
      throw new IOException("the database is closed");
    }
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        db.close();
        closeOptions();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private void closeOptions() {
    durable.close();
    relaxed.close();
    options.close();
    cache.close();
  }
}
