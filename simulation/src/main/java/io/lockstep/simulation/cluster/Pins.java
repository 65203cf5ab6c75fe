package io.lockstep.simulation.cluster;

import io.lockstep.core.Check;
import io.lockstep.metadata.kv.KvStore;

/**
 * Confined to the thread of the simulation. Who reads a state of the master has pinned it, and lets
 * go when he has read (I9): RocksDB closes behind the last one, and a use after that would end the
 * process.
 */
final class Pins {
  private int open;

  KvStore.Snapshot pin(KvStore.Snapshot state) {
    open++;
    return new Pinned(state);
  }

  /** How many have not let go. */
  int open() {
    return open;
  }

  private final class Pinned implements KvStore.Snapshot {
    private final KvStore.Snapshot state;
    private boolean closed;

    Pinned(KvStore.Snapshot state) {
      this.state = state;
    }

    @Override
    public byte[] get(byte[] key) {
      checkOpen();
      return state.get(key);
    }

    @Override
    public void scan(byte[] from, byte[] to, Visitor visitor) {
      checkOpen();
      state.scan(from, to, visitor);
    }

    private void checkOpen() {
      Check.that(!closed, "I9: a state is read after it was given back");
    }

    @Override
    public void close() {
      open -= closed ? 0 : 1;
      closed = true;
    }
  }
}
