package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to its owner. The operations on one register whose writes all write different values,
 * and whether they are linearizable: the zone test of Gibbons and Korach, O(n log n).
 *
 * <p>The zone of a value reaches from the first end to the last start of its operations. It is
 * forward if the first is before the last: at every instant inside it the register surely holds the
 * value. The history is linearizable exactly if no two forward zones overlap, no other zone lies
 * inside a forward one, and no read ends before its write began. A write whose outcome is not known
 * never ends; if nobody read it, it may as well not have happened.
 */
public final class RegisterHistory {
  /** The time of an end that never came. */
  public static final long NEVER = Long.MAX_VALUE;

  /** The value before the first write. */
  public static final int INITIAL = 0;

  private static final long BEFORE_ALL = Long.MIN_VALUE;

  // By slot, one for each value: the write, then what its reads did to the zone.
  private int[] values = new int[16];
  private long[] writeStart = new long[16];
  private long[] writeEnd = new long[16];
  private long[] firstEnd = new long[16];
  private long[] lastStart = new long[16];
  private boolean[] written = new boolean[16];
  private boolean[] read = new boolean[16];
  private int slots;
  private final Map<Integer, Integer> slotOf = new HashMap<>();
  private final List<String> broken = new ArrayList<>();

  public RegisterHistory() {
    write(INITIAL, BEFORE_ALL, BEFORE_ALL);
  }

  private int slot(int value) {
    Integer known = slotOf.putIfAbsent(value, slots);
    if (known != null) {
      return known;
    }
    if (slots == values.length) {
      int size = 2 * slots;
      values = Arrays.copyOf(values, size);
      writeStart = Arrays.copyOf(writeStart, size);
      writeEnd = Arrays.copyOf(writeEnd, size);
      firstEnd = Arrays.copyOf(firstEnd, size);
      lastStart = Arrays.copyOf(lastStart, size);
      written = Arrays.copyOf(written, size);
      read = Arrays.copyOf(read, size);
    }
    values[slots] = value;
    firstEnd[slots] = NEVER;
    lastStart[slots] = BEFORE_ALL;
    return slots++;
  }

  /** A write of a value that nobody else writes; {@code endNs} NEVER if its outcome is unknown. */
  public void write(int value, long startNs, long endNs) {
    int slot = slot(value);
    if (written[slot]) {
      broken.add("value " + value + " is written twice");
    }
    written[slot] = true;
    writeStart[slot] = startNs;
    writeEnd[slot] = endNs;
    zone(slot, startNs, endNs);
  }

  /** A read that was answered. */
  public void read(int value, long startNs, long endNs) {
    int slot = slot(value);
    read[slot] = true;
    zone(slot, startNs, endNs);
  }

  /** Whether the register had this value all the time from before {@code startNs} on. */
  boolean surelyHeld(int value, long startNs, long endNs) {
    Integer slot = slotOf.get(value);
    return slot != null && written[slot] && firstEnd[slot] < startNs && endNs < lastStart[slot];
  }

  private void zone(int slot, long startNs, long endNs) {
    firstEnd[slot] = Math.min(firstEnd[slot], endNs);
    lastStart[slot] = Math.max(lastStart[slot], startNs);
  }

  /** Null if linearizable; else what is wrong, in words, with the values in it. */
  public String problem() {
    if (!broken.isEmpty()) {
      return broken.get(0);
    }
    int count = 0;
    for (int slot = 0; slot < slots; slot++) {
      if (read[slot] && !written[slot]) {
        return "value " + values[slot] + " was read and nobody wrote it";
      }
      if (written[slot] && firstEnd[slot] < writeStart[slot]) {
        return "value " + values[slot] + " was read before its write began";
      }
      if (isForward(slot)) {
        count++;
      }
    }
    long[] starts = new long[count];
    int[] forward = sortedForward(count, starts);
    for (int i = 1; i < count; i++) {
      if (starts[i] < lastStart[forward[i - 1]]) {
        return clash(forward[i - 1], forward[i]);
      }
    }
    return backwardInside(forward, starts);
  }

  private boolean isForward(int slot) {
    return written[slot] && firstEnd[slot] < lastStart[slot];
  }

  /** The values of forward zones in order of their begin. */
  private int[] sortedForward(int count, long[] starts) {
    int n = 0;
    for (int slot = 0; slot < slots; slot++) {
      if (isForward(slot)) {
        starts[n++] = firstEnd[slot];
      }
    }
    Arrays.sort(starts);
    int[] forward = new int[count];
    int[] used = new int[count];
    for (int slot = 0; slot < slots; slot++) {
      if (isForward(slot)) {
        int at = Arrays.binarySearch(starts, firstEnd[slot]);
        while (at > 0 && starts[at - 1] == firstEnd[slot]) {
          at--;
        }
        forward[at + used[at]++] = slot;
      }
    }
    return forward;
  }

  private String backwardInside(int[] forward, long[] starts) {
    for (int slot = 0; slot < slots; slot++) {
      boolean counts = written[slot] && (read[slot] || writeEnd[slot] != NEVER);
      if (!counts || isForward(slot)) {
        continue;
      }
      // The last forward zone that begins before this one.
      int at = Arrays.binarySearch(starts, lastStart[slot]);
      at = at >= 0 ? at : -at - 1;
      while (at > 0 && (at == starts.length || starts[at] >= lastStart[slot])) {
        at--;
      }
      boolean inside =
          starts.length > 0
              && starts[at] < lastStart[slot]
              && firstEnd[slot] < lastStart[forward[at]];
      if (inside) {
        return clash(forward[at], slot);
      }
    }
    return null;
  }

  private String clash(int a, int b) {
    return "value "
        + values[a]
        + " (written "
        + time(writeStart[a])
        + " to "
        + time(writeEnd[a])
        + ") was there from "
        + time(firstEnd[a])
        + " to "
        + time(lastStart[a])
        + " at least, and value "
        + values[b]
        + " (written "
        + time(writeStart[b])
        + " to "
        + time(writeEnd[b])
        + ") was there between "
        + time(Math.min(firstEnd[b], lastStart[b]))
        + " and "
        + time(Math.max(firstEnd[b], lastStart[b]));
  }

  /** A time, for people. */
  static String time(long ns) {
    if (ns == NEVER) {
      return "never";
    }
    return ns == BEFORE_ALL
        ? "the start"
        : String.format(java.util.Locale.ROOT, "%.6f s", ns / 1e9);
  }
}
