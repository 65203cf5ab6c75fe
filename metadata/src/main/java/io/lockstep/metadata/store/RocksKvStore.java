package io.lockstep.metadata.store;

import io.lockstep.core.Check;
import io.lockstep.metadata.kv.KvOverlay;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.Checkpoint;
import org.rocksdb.CompressionType;
import org.rocksdb.FlushOptions;
import org.rocksdb.InfoLogLevel;
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
 * Guarded by its own count of pins. An ordered store in RocksDB: one writer, many readers.
 *
 * <p>The owner, the open batch, and each snapshot hold a pin; the native handles are closed by
 * whoever gives back the last one, so no reader ever meets a closed handle (I8, I9). The
 * write-ahead log is not synced: what a crash of the machine takes from its end is played again
 * from the Raft log, which is.
 *
 * <p>A failed read or write of RocksDB throws {@link StoreFailure}: the state on this disk can no
 * longer be trusted, and the process that holds it stops.
 */
public final class RocksKvStore implements KvStore {
  private static final long CACHE_BYTES = 32L << 20;
  private static final long MEMTABLE_BYTES = 8L << 20;
  private static final int OPEN_FILES_MAX = 256;
  private static final int BLOOM_BITS_PER_KEY = 10;

  static {
    RocksDB.loadLibrary();
  }

  /** RocksDB failed: the disk, or a file on it. */
  public static final class StoreFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    StoreFailure(String what, RocksDBException cause) {
      super(what + ": " + cause.getMessage(), cause);
    }
  }

  private final Path directory;
  private final RocksDB db;
  private final WriteOptions writeOptions;
  private final ReadOptions latest;
  private final List<AutoCloseable> natives;
  // 0 = closed for good.
  private final AtomicLong pins = new AtomicLong(1);
  private boolean batchOpen;
  private boolean ownerClosed;

  private RocksKvStore(Path directory, RocksDB db, List<AutoCloseable> natives) {
    this.directory = directory;
    this.db = db;
    this.natives = natives;
    this.writeOptions = new WriteOptions().setSync(false);
    this.latest = new ReadOptions();
  }

  /** Opens the store in {@code directory}, which is created if it does not exist. */
  public static RocksKvStore open(Path directory) throws IOException {
    Files.createDirectories(directory);
    List<AutoCloseable> natives = new ArrayList<>();
    try {
      RocksDB db = RocksDB.open(options(natives), directory.toString());
      return new RocksKvStore(directory, db, natives);
    } catch (RocksDBException e) {
      closeAll(natives);
      throw new IOException(
          "cannot open the metadata store " + directory + ": " + e.getMessage(), e);
    }
  }

  private static Options options(List<AutoCloseable> natives) {
    Cache cache = new LRUCache(CACHE_BYTES);
    BloomFilter bloom = new BloomFilter(BLOOM_BITS_PER_KEY);
    BlockBasedTableConfig table =
        new BlockBasedTableConfig()
            .setBlockCache(cache)
            .setCacheIndexAndFilterBlocks(true)
            .setPinL0FilterAndIndexBlocksInCache(true)
            .setFilterPolicy(bloom);
    Options options =
        new Options()
            .setCreateIfMissing(true)
            .setTableFormatConfig(table)
            .setCompressionType(CompressionType.NO_COMPRESSION)
            .setWriteBufferSize(MEMTABLE_BYTES)
            .setMaxWriteBufferNumber(3)
            .setDbWriteBufferSize(3 * MEMTABLE_BYTES)
            .setMaxTotalWalSize(4 * MEMTABLE_BYTES)
            .setMaxOpenFiles(OPEN_FILES_MAX)
            .setMaxBackgroundJobs(2)
            .setKeepLogFileNum(2)
            .setMaxLogFileSize(1L << 20)
            .setInfoLogLevel(InfoLogLevel.WARN_LEVEL)
            .setStatsDumpPeriodSec(0);
    natives.add(options);
    natives.add(bloom);
    natives.add(cache);
    return options;
  }

  /** Where it lives. */
  public Path directory() {
    return directory;
  }

  @Override
  public Batch begin() {
    Check.that(!batchOpen, "a batch of %s is open already", directory);
    Check.that(tryPin(), "the store %s is closed", directory);
    batchOpen = true;
    return new OpenBatch();
  }

  @Override
  public Snapshot snapshot() {
    Snapshot snapshot = trySnapshot();
    Check.that(snapshot != null, "the store %s is closed", directory);
    return snapshot;
  }

  /** A snapshot, or null if the store is closed or being closed. */
  Snapshot trySnapshot() {
    return tryPin() ? new PinnedSnapshot() : null;
  }

  /**
   * Writes a complete copy of the state to {@code target}, which must not exist: hard links, so on
   * the same filesystem. Durable when this returns.
   */
  public void checkpoint(Path target) throws IOException {
    Check.that(tryPin(), "the store %s is closed", directory);
    try (FlushOptions flush = new FlushOptions().setWaitForFlush(true);
        Checkpoint checkpoint = Checkpoint.create(db)) {
      db.flush(flush);
      checkpoint.createCheckpoint(target.toString());
      Durable.syncTree(target);
    } catch (RocksDBException e) {
      throw new IOException("cannot write the checkpoint " + target + ": " + e.getMessage(), e);
    } finally {
      unpin();
    }
  }

  /** The owner lets go; whoever reads still finishes. */
  @Override
  public void close() {
    if (!ownerClosed) {
      ownerClosed = true;
      unpin();
    }
  }

  /** How many hold it open, the owner among them. */
  long pinCount() {
    return pins.get();
  }

  private boolean tryPin() {
    long now = pins.get();
    while (now > 0) {
      if (pins.compareAndSet(now, now + 1)) {
        return true;
      }
      now = pins.get();
    }
    return false;
  }

  private void unpin() {
    long left = pins.decrementAndGet();
    Check.that(left >= 0, "the store %s was given back more often than taken", directory);
    if (left == 0) {
      latest.close();
      writeOptions.close();
      db.close();
      closeAll(natives);
    }
  }

  private static void closeAll(List<AutoCloseable> natives) {
    for (AutoCloseable each : natives) {
      try {
        each.close();
      } catch (Exception e) {
        throw new IllegalStateException("cannot free a native handle", e);
      }
    }
  }

  private byte[] get(ReadOptions options, byte[] key) {
    try {
      return db.get(options, key);
    } catch (RocksDBException e) {
      throw new StoreFailure("cannot read " + directory, e);
    }
  }

  private void scan(ReadOptions base, byte[] from, byte[] to, KvReader.Visitor visitor) {
    try (ReadOptions options = new ReadOptions(base);
        Slice upper = to == null ? null : new Slice(to)) {
      if (upper != null) {
        options.setIterateUpperBound(upper);
      }
      try (RocksIterator iterator = db.newIterator(options)) {
        for (iterator.seek(from); iterator.isValid(); iterator.next()) {
          if (!visitor.onPair(iterator.key(), iterator.value())) {
            return;
          }
        }
        iterator.status();
      }
    } catch (RocksDBException e) {
      throw new StoreFailure("cannot scan " + directory, e);
    }
  }

  /** Confined to the writer. Changes stay in memory until they are committed as one write. */
  private final class OpenBatch implements Batch {
    private final KvOverlay overlay =
        new KvOverlay(
            new KvReader() {
              @Override
              public byte[] get(byte[] key) {
                return RocksKvStore.this.get(latest, key);
              }

              @Override
              public void scan(byte[] from, byte[] to, Visitor visitor) {
                RocksKvStore.this.scan(latest, from, to, visitor);
              }
            });
    private boolean ended;

    @Override
    public byte[] get(byte[] key) {
      return overlay.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Visitor visitor) {
      overlay.scan(from, to, visitor);
    }

    @Override
    public void put(byte[] key, byte[] value) {
      overlay.put(key, value);
    }

    @Override
    public void delete(byte[] key) {
      overlay.delete(key);
    }

    @Override
    public void commit() {
      Check.that(!ended, "the batch has ended");
      try (WriteBatch write = new WriteBatch()) {
        overlay.forEachChange((key, value) -> add(write, key, value));
        db.write(writeOptions, write);
      } catch (RocksDBException e) {
        throw new StoreFailure("cannot write " + directory, e);
      } finally {
        close();
      }
    }

    private void add(WriteBatch write, byte[] key, byte[] value) {
      try {
        if (value == null) {
          write.delete(key);
        } else {
          write.put(key, value);
        }
      } catch (RocksDBException e) {
        throw new StoreFailure("cannot write " + directory, e);
      }
    }

    @Override
    public void close() {
      if (!ended) {
        ended = true;
        batchOpen = false;
        unpin();
      }
    }
  }

  /** Confined to one reader at a time. */
  private final class PinnedSnapshot implements Snapshot {
    private final org.rocksdb.Snapshot state = db.getSnapshot();
    private final ReadOptions options = new ReadOptions().setSnapshot(state);
    private boolean ended;

    @Override
    public byte[] get(byte[] key) {
      Check.that(!ended, "read of a snapshot that was closed");
      return RocksKvStore.this.get(options, key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Visitor visitor) {
      Check.that(!ended, "scan of a snapshot that was closed");
      RocksKvStore.this.scan(options, from, to, visitor);
    }

    @Override
    public void close() {
      if (!ended) {
        ended = true;
        options.close();
        db.releaseSnapshot(state);
        state.close();
        unpin();
      }
    }
  }
}
