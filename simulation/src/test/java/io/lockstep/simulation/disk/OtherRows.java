package io.lockstep.simulation.disk;

import io.lockstep.core.Outcome;
import io.lockstep.replication.store.RowStore;
import java.io.IOException;

/** Confined to its test. The rows of another, for a medium that has to know of writes. */
abstract class OtherRows implements RowStore {
  final RowStore rows;

  OtherRows(RowStore rows) {
    this.rows = rows;
  }

  @Override
  public Batch newBatch() {
    return rows.newBatch();
  }

  @Override
  public byte[] get(byte[] key) throws IOException {
    return rows.get(key);
  }

  @Override
  public void scan(byte[] from, byte[] to, Visitor visitor) throws IOException, Outcome {
    rows.scan(from, to, visitor);
  }

  @Override
  public void close() {
    rows.close();
  }
}
