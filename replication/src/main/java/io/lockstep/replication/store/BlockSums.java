package io.lockstep.replication.store;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.IntConsumer;

/**
 * Confined to the disk agent of its object. The CRC32C of each 4 KiB block of one object, as far as
 * known; a block that the end of the object cuts counts as filled up with zeros.
 *
 * <p>They are kept in memory while the object is written and stored, in groups of 256 blocks, in
 * the same batch that clears the dirty mark, after the data is durable. What is stored under a
 * dirty mark of an earlier run may be older than the data: crash residue, never believed.
 *
 * <pre>
 * u8 version = 1   u8 zero   u16 count of blocks   count x u32 CRC32C   bits of the known ones, lowest first
 * </pre>
 */
final class BlockSums {
  static final int GROUP_BLOCKS = 256;

  private static final byte VERSION = 1;
  private static final int HEADER_BYTES = 4;

  private static final class Group {
    final int[] sums = new int[GROUP_BLOCKS];
    final BitSet known = new BitSet(GROUP_BLOCKS);
    boolean modified;
  }

  private final ReplicaDb db;
  private final ObjectKey key;
  private final Map<Integer, Group> groups = new HashMap<>();

  /** Rows in the database are not believed, and go with the next flush. */
  private boolean residue;

  /** Rows from this group on are void: the object was cut. */
  private int voidFrom = Integer.MAX_VALUE;

  private int modifiedCount;
  private final IntConsumer onGroups;

  /**
   * @param residue whether what is stored was stored under a mark of an earlier run
   * @param onGroups told how many groups more, or fewer, are in memory
   */
  BlockSums(ReplicaDb db, ObjectKey key, boolean residue, IntConsumer onGroups) {
    this.db = db;
    this.key = key;
    this.residue = residue;
    this.onGroups = onGroups;
  }

  /** Drops what can be read again. */
  void trim() {
    removeGroups((number, group) -> !group.modified);
  }

  private void removeGroups(BiPredicate<Integer, Group> gone) {
    int before = groups.size();
    groups
        .entrySet()
        .removeIf(
            entry -> {
              boolean remove = gone.test(entry.getKey(), entry.getValue());
              modifiedCount -= remove && entry.getValue().modified ? 1 : 0;
              return remove;
            });
    onGroups.accept(groups.size() - before);
  }

  /** Whether the checksum of this block is known. */
  boolean isKnown(long block) throws IOException, Outcome {
    return group(block).known.get((int) (block % GROUP_BLOCKS));
  }

  int sum(long block) throws IOException, Outcome {
    return group(block).sums[(int) (block % GROUP_BLOCKS)];
  }

  void put(long block, int sum) throws IOException, Outcome {
    Group group = group(block);
    int index = (int) (block % GROUP_BLOCKS);
    group.sums[index] = sum;
    group.known.set(index);
    modify(group);
  }

  /** The block changed in a way that left its checksum unknown. */
  void forget(long block) throws IOException, Outcome {
    Group group = group(block);
    group.known.clear((int) (block % GROUP_BLOCKS));
    modify(group);
  }

  /** Blocks from this one on are gone. */
  void cut(long blocks) throws IOException, Outcome {
    int index = (int) (blocks % GROUP_BLOCKS);
    int from = Math.toIntExact(blocks / GROUP_BLOCKS) + (index == 0 ? 0 : 1);
    if (index != 0) {
      Group group = group(blocks);
      group.known.clear(index, GROUP_BLOCKS);
      modify(group);
    }
    removeGroups((number, group) -> number >= from);
    voidFrom = Math.min(voidFrom, from);
  }

  /** Everything that is known of the data that is durable now. */
  void flush(DbBatch batch) {
    if (residue) {
      batch.removeSums(key, 0);
    } else if (voidFrom != Integer.MAX_VALUE) {
      batch.removeSums(key, voidFrom);
    }
    residue = false;
    voidFrom = Integer.MAX_VALUE;
    if (modifiedCount == 0) {
      return;
    }
    for (Map.Entry<Integer, Group> entry : groups.entrySet()) {
      if (entry.getValue().modified) {
        entry.getValue().modified = false;
        batch.putSums(key, entry.getKey(), encode(entry.getValue()));
      }
    }
    modifiedCount = 0;
  }

  /** Nothing known is believed any more. */
  void distrust() {
    removeGroups((number, group) -> true);
    residue = true;
  }

  boolean isModified() {
    return modifiedCount > 0 || voidFrom != Integer.MAX_VALUE || residue;
  }

  private void modify(Group group) {
    if (!group.modified) {
      group.modified = true;
      modifiedCount++;
    }
  }

  private Group group(long block) throws IOException, Outcome {
    Check.that(block >= 0, "block %d of object %s", block, key);
    int number = Math.toIntExact(block / GROUP_BLOCKS);
    Group group = groups.get(number);
    if (group == null) {
      onGroups.accept(1);
      group = new Group();
      byte[] stored = residue || number >= voidFrom ? null : db.sums(key, number);
      if (stored != null) {
        decode(stored, group);
      }
      groups.put(number, group);
    }
    return group;
  }

  private static byte[] encode(Group group) {
    int count = group.known.length();
    byte[] bits = group.known.toByteArray();
    ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES + count * 4 + bits.length);
    bytes.put(VERSION).put((byte) 0).putShort((short) count);
    for (int i = 0; i < count; i++) {
      bytes.putInt(group.known.get(i) ? group.sums[i] : 0);
    }
    return bytes.put(bits).array();
  }

  private void decode(byte[] stored, Group group) throws Outcome {
    ByteBuffer bytes = ByteBuffer.wrap(stored);
    int version = stored.length < HEADER_BYTES ? -1 : bytes.get();
    if (version != VERSION) {
      throw new Outcome(
          ErrorCode.CORRUPT, "the checksums of object " + key + " have format " + version);
    }
    bytes.get();
    int count = bytes.getShort();
    if (count < 0 || count > GROUP_BLOCKS || bytes.remaining() != count * 4 + (count + 7) / 8) {
      throw new Outcome(
          ErrorCode.CORRUPT, "the checksums of object " + key + " are cut: " + stored.length);
    }
    for (int i = 0; i < count; i++) {
      group.sums[i] = bytes.getInt();
    }
    group.known.or(BitSet.valueOf(bytes));
  }

  /** Blocks that {@code bytes} fill, the last one perhaps in part. */
  static long blocks(long bytes) {
    return (bytes + Limits.BLOCK_BYTES - 1) / Limits.BLOCK_BYTES;
  }
}
