package io.lockstep.metadata.kv;

/** An ordered key-value store with one writer and many readers. */
public interface KvStore extends AutoCloseable {
  /**
   * Opens a batch. Only one is open at a time; it ends with {@link Batch#commit} or {@link
   * Batch#close}.
   */
  Batch begin();

  /** Pins the state of now; reads of it are consistent with each other. Must be closed. */
  Snapshot snapshot();

  @Override
  void close();

  /** An open batch. */
  interface Batch extends KvTransaction, AutoCloseable {
    /**
     * Makes the batch visible to later reads, atomically. Whether it is durable is the log's
     * business.
     */
    void commit();

    /** Drops what was not committed. */
    @Override
    void close();
  }

  /** A pinned state. */
  interface Snapshot extends KvReader, AutoCloseable {
    @Override
    void close();
  }
}
