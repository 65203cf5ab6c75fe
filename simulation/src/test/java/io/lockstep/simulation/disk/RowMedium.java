package io.lockstep.simulation.disk;

import io.lockstep.replication.store.RowStore;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/** What outlives the runs of a {@link RowStore}: a directory, or a model of one. */
interface RowMedium {
  /**
   * A run whose writes failed from some point on.
   *
   * @param acknowledged writes before that
   * @param laterWrites that succeeded behind the failed one
   * @param readAfter whether the first row could be read after it
   */
  record Failed(int acknowledged, int laterWrites, boolean readAfter) {}

  /** Begins a run. */
  RowStore open() throws IOException;

  /** The process of this run is gone, with no chance to close anything. */
  void kill(RowStore run) throws IOException;

  /** So is what the machine had not written to its disk, or a part of it. */
  void losePower(RowStore run, Random random) throws IOException;

  /**
   * One run that writes rows {@link #numbered}, synced, until one fails, and then a few more,
   * synced and not; it is over when this returns.
   */
  Failed failWrites(byte[] prefix) throws IOException;

  static byte[] numbered(byte[] prefix, int number) {
    byte[] key = Arrays.copyOf(prefix, prefix.length + 1);
    key[prefix.length] = (byte) number;
    return key;
  }

  /** Writes as {@link #failWrites} says. */
  static Failed writeUntilFailure(RowStore rows, byte[] prefix, int valueBytes) throws IOException {
    int written = 0;
    while (write(rows, numbered(prefix, written), valueBytes, true)) {
      written++;
      if (written > Byte.MAX_VALUE) {
        throw new IOException("no write failed");
      }
    }
    int later = 0;
    for (int i = 1; i <= 4; i++) {
      later += write(rows, numbered(prefix, written + i), 1, i % 2 == 0) ? 1 : 0;
    }
    boolean read = rows.get(numbered(prefix, 0)) != null;
    return new Failed(written, later, read);
  }

  private static boolean write(RowStore rows, byte[] key, int valueBytes, boolean sync) {
    try (RowStore.Batch batch = rows.newBatch()) {
      batch.put(key, new byte[valueBytes]);
      rows.write(batch, sync);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
