package io.lockstep.replication.store;

import io.lockstep.core.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The port to an ordered store of rows: RocksDB in production ({@link RocksRows}), a model in the
 * simulator. Keys are ordered as unsigned bytes.
 *
 * <p>The law: a batch is applied whole or not at all, in the order of the writes; what was written
 * with {@code sync}, and all before it, survives a loss of power.
 */
public interface RowStore extends AutoCloseable {
  /** Makes a store from what is in the directory that the daemon keeps for it. */
  interface Opener {
    RowStore open(Path directory) throws IOException;
  }

  /** Takes rows in order; false ends the scan. */
  interface Visitor {
    boolean onRow(byte[] key, byte[] value) throws IOException, Outcome;
  }

  /** Changes that are made together; confined to its maker. */
  interface Batch extends AutoCloseable {
    void put(byte[] key, byte[] value);

    void delete(byte[] key);

    /** Deletes {@code from <= key < to}. */
    void deleteRange(byte[] from, byte[] to);

    boolean isEmpty();

    @Override
    void close();
  }

  /** In RocksDB. */
  static RowStore rocks(Path directory) throws IOException {
    return new RocksRows(directory);
  }

  Batch newBatch();

  /** Applies a batch of this store. */
  void write(Batch batch, boolean sync) throws IOException;

  /** The value, or null. */
  byte @Nullable [] get(byte[] key) throws IOException;

  /** Visits {@code from <= key < to} in order of key. */
  void scan(byte[] from, byte[] to, Visitor visitor) throws IOException, Outcome;

  @Override
  void close();
}
