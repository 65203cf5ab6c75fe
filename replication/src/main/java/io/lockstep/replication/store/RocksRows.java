package io.lockstep.replication.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.core.Outcome;
import java.io.IOException;
import java.nio.file.Path;
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
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * Guarded by its own lock, shared by users and taken alone by closing: RocksDB itself serves all
 * threads, but a use after its end would crash the process. The rows of a daemon in RocksDB.
 */
final class RocksRows implements RowStore {
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

  RocksRows(Path directory) throws IOException {
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

  /** Confined to its maker. Changes in native memory. */
  private static final class RocksBatch implements Batch {
    private final WriteBatch batch = new WriteBatch();

    @Override
    public void put(byte[] key, byte[] value) {
      try {
        batch.put(key, value);
      } catch (RocksDBException e) {
        throw bug(e);
      }
    }

    @Override
    public void delete(byte[] key) {
      try {
        batch.delete(key);
      } catch (RocksDBException e) {
        throw bug(e);
      }
    }

    @Override
    public void deleteRange(byte[] from, byte[] to) {
      try {
        batch.deleteRange(from, to);
      } catch (RocksDBException e) {
        throw bug(e);
      }
    }

    @Override
    public boolean isEmpty() {
      return batch.count() == 0;
    }

    @Override
    public void close() {
      batch.close();
    }

    /** A batch in memory refuses only what is no key. */
    private static Check.BrokenInvariant bug(RocksDBException e) {
      return Check.unreachable("the batch refused a change: %s", e.getMessage());
    }
  }

  @Override
  public Batch newBatch() {
    return new RocksBatch();
  }

  @Override
  public void write(Batch batch, boolean sync) throws IOException {
    lock.readLock().lock();
    try {
      checkOpen();
      db.write(sync ? durable : relaxed, ((RocksBatch) batch).batch);
    } catch (RocksDBException e) {
      throw new IOException("the database cannot be written: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public byte @Nullable [] get(byte[] key) throws IOException {
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

  @Override
  public void scan(byte[] from, byte[] to, Visitor visitor) throws IOException, Outcome {
    lock.readLock().lock();
    try (Slice end = new Slice(to);
        ReadOptions read = new ReadOptions().setIterateUpperBound(end)) {
      checkOpen();
      try (RocksIterator rows = db.newIterator(read)) {
        boolean more = true;
        for (rows.seek(from); more && rows.isValid(); rows.next()) {
          more = visitor.onRow(rows.key(), rows.value());
        }
        rows.status();
      }
    } catch (RocksDBException e) {
      throw new IOException("the database cannot be read: " + e.getMessage(), e);
    } finally {
      lock.readLock().unlock();
    }
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
