package io.lockstep.tools.explore;

/**
 * Confined to its {@link Explorer}. The keys seen so far as hashes of 128 bits, in open addressing:
 * 16 bytes a state and half as much slack.
 */
final class Seen {
  private static final int FIRST_SLOTS = 1 << 16;
  private static final long PRIME_1 = 0x9E3779B97F4A7C15L;
  private static final long PRIME_2 = 0xC2B2AE3D27D4EB4FL;

  private long[] slots = new long[2 * FIRST_SLOTS];
  private int count;

  int count() {
    return count;
  }

  /** Whether this key was not seen before. */
  boolean add(String key) {
    long first = PRIME_1;
    long second = PRIME_2;
    for (int i = 0; i < key.length(); i++) {
      first = (first ^ key.charAt(i)) * PRIME_2;
      first ^= first >>> 29;
      second = (second + key.charAt(i)) * PRIME_1;
      second ^= second >>> 31;
    }
    // Two zeros mark a free slot.
    first |= 1;
    if (!put(slots, first, second)) {
      return false;
    }
    count++;
    if (count > slots.length / 3) {
      grow();
    }
    return true;
  }

  private static boolean put(long[] slots, long first, long second) {
    int mask = slots.length / 2 - 1;
    int slot = (int) (second ^ (first >>> 32)) & mask;
    while (slots[2 * slot] != 0) {
      if (slots[2 * slot] == first && slots[2 * slot + 1] == second) {
        return false;
      }
      slot = (slot + 1) & mask;
    }
    slots[2 * slot] = first;
    slots[2 * slot + 1] = second;
    return true;
  }

  private void grow() {
    long[] old = slots;
    slots = new long[2 * old.length];
    for (int i = 0; i < old.length; i += 2) {
      if (old[i] != 0) {
        put(slots, old[i], old[i + 1]);
      }
    }
  }
}
