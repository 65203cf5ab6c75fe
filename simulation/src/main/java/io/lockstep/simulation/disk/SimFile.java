package io.lockstep.simulation.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/**
 * Confined to the thread of the simulation. The bytes of one file as programs see them, as the disk
 * has them, and the changes between.
 */
final class SimFile implements SimFileSystem.Node {
  private static final int PAGE_BYTES = 4096;

  /** Immutable. A write, or a cut to a size (no bytes). */
  private static final class Change {
    private final long offset;
    private final byte[] bytes;

    Change(long offset, byte[] bytes) {
      this.offset = offset;
      this.bytes = bytes;
    }
  }

  private final SimDisk disk;
  private byte[] current = new byte[0];
  private byte[] durable = new byte[0];
  private final List<Change> unsynced = new ArrayList<>();

  /** Pages that were ever written: the others are holes, of which a disk stores nothing. */
  private final BitSet written = new BitSet();

  private boolean locked;

  SimFile(SimDisk disk) {
    this.disk = disk;
  }

  int size() {
    return current.length;
  }

  boolean tryLock() {
    boolean free = !locked;
    locked = true;
    return free;
  }

  void unlock() {
    locked = false;
  }

  int write(ByteBuffer source, long offset) throws IOException {
    disk.onOperation();
    byte[] bytes = new byte[source.remaining()];
    disk.take(Math.max(0, offset + bytes.length - current.length));
    source.get(bytes);
    Change change = new Change(offset, bytes);
    current = apply(current, change, offset, offset + bytes.length);
    unsynced.add(change);
    if (bytes.length > 1) {
      // One byte at the end is how a file is extended with a hole.
      written.set((int) offset / PAGE_BYTES, (int) (offset + bytes.length - 1) / PAGE_BYTES + 1);
    }
    return bytes.length;
  }

  void truncate(long size) throws IOException {
    disk.onOperation();
    if (size < current.length) {
      disk.take(size - current.length);
      current = Arrays.copyOf(current, (int) size);
      unsynced.add(new Change(size, null));
      int kept = (int) (size + PAGE_BYTES - 1) / PAGE_BYTES;
      written.clear(kept, Math.max(kept, written.length()));
    }
  }

  int read(ByteBuffer target, long offset) {
    if (offset >= current.length) {
      return -1;
    }
    int count = (int) Math.min(target.remaining(), current.length - offset);
    target.put(current, (int) offset, count);
    return count;
  }

  void sync() throws IOException {
    disk.onSync();
    if (disk.takeSyncFailure()) {
      // The pages turn clean: later syncs succeed, the bytes never reach the disk. A cut does: it
      // is
      // no page, but a record in the journal of the filesystem, which ends with that.
      unsynced.removeIf(change -> change.bytes != null);
      throw new IOException("Input/output error");
    }
    for (Change change : unsynced) {
      durable = applyWhole(durable, change);
    }
    unsynced.clear();
  }

  void onDeleted() throws IOException {
    disk.take(-current.length);
  }

  void onPowerLost(Random random) {
    for (Change change : unsynced) {
      if (change.bytes == null) {
        durable = random.nextBoolean() ? applyWhole(durable, change) : durable;
        continue;
      }
      for (long[] piece : SimDisk.keptSectors(random, change.offset, change.bytes.length)) {
        durable = apply(durable, change, piece[0], piece[1]);
      }
    }
    unsynced.clear();
    current = durable.clone();
    locked = false;
  }

  boolean flipBit(Random random) {
    int at = random.nextInt(Math.max(1, Math.min(current.length, durable.length)));
    boolean stored = at < durable.length && written.get(at / PAGE_BYTES);
    if (!stored || current[at] != durable[at]) {
      return false;
    }
    byte flipped = (byte) (current[at] ^ 1 << random.nextInt(8));
    current = current.clone();
    durable = durable.clone();
    current[at] = flipped;
    durable[at] = flipped;
    return true;
  }

  private static byte[] applyWhole(byte[] to, Change change) {
    return change.bytes == null
        ? Arrays.copyOf(to, (int) change.offset)
        : apply(to, change, change.offset, change.offset + change.bytes.length);
  }

  /** The part [from, end) of the change. */
  private static byte[] apply(byte[] to, Change change, long from, long end) {
    byte[] result = end > to.length ? Arrays.copyOf(to, (int) end) : to;
    System.arraycopy(
        change.bytes, (int) (from - change.offset), result, (int) from, (int) (end - from));
    return result;
  }
}
