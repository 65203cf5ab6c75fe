package io.lockstep.metadata.kv;

import io.lockstep.core.Check;

/**
 * Confined to one writer; {@link #snapshot} may be called on any thread. A store in memory for
 * tests and the simulator: a state is an immutable tree, so that a snapshot costs nothing and stays
 * readable after {@link #close}.
 */
public final class MemoryKvStore implements KvStore {
  private volatile PersistentTree state = PersistentTree.EMPTY;
  private MemoryBatch open;

  @Override
  public Batch begin() {
    Check.that(open == null, "a batch is open already");
    open = new MemoryBatch(state);
    return open;
  }

  @Override
  public Snapshot snapshot() {
    return new MemorySnapshot(state);
  }

  @Override
  public void close() {}

  private final class MemoryBatch implements Batch {
    private final KvOverlay overlay;

    MemoryBatch(PersistentTree base) {
      overlay = new KvOverlay(base);
    }

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
      Check.that(open == this, "put into a batch that has ended");
      overlay.put(key, value);
    }

    @Override
    public void delete(byte[] key) {
      Check.that(open == this, "delete in a batch that has ended");
      overlay.delete(key);
    }

    @Override
    public void commit() {
      Check.that(open == this, "commit of a batch that has ended");
      PersistentTree[] next = {state};
      overlay.forEachChange(
          (key, value) ->
              next[0] = value == null ? next[0].without(key) : next[0].with(key, value));
      state = next[0];
      open = null;
    }

    @Override
    public void close() {
      if (open == this) {
        open = null;
      }
    }
  }

  private record MemorySnapshot(PersistentTree state) implements Snapshot {
    @Override
    public byte[] get(byte[] key) {
      return state.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Visitor visitor) {
      state.scan(from, to, visitor);
    }

    @Override
    public void close() {}
  }
}
