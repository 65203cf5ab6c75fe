package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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

  // By value: the write, then what its reads did to the zone.
  private long[] writeStart = new long[16];
  private long[] writeEnd = new long[16];
  private long[] firstEnd = new long[16];
  private long[] lastStart = new long[16];
  private boolean[] written = new boolean[16];
  private boolean[] read = new boolean[16];
  private int valuesEnd;
  private final List<String> broken = new ArrayList<>();

  public RegisterHistory() {
    write(INITIAL, BEFORE_ALL, BEFORE_ALL);
  }

  private void grow(int value) {
    if (value >= writeStart.length) {
      int size = Math.max(value + 1, 2 * writeStart.length);
      writeStart = Arrays.copyOf(writeStart, size);
      writeEnd = Arrays.copyOf(writeEnd, size);
      firstEnd = Arrays.copyOf(firstEnd, size);
      lastStart = Arrays.copyOf(lastStart, size);
      written = Arrays.copyOf(written, size);
      read = Arrays.copyOf(read, size);
    }
    for (; valuesEnd <= value; valuesEnd++) {
      firstEnd[valuesEnd] = NEVER;
      lastStart[valuesEnd] = BEFORE_ALL;
    }
  }

  /** A write of a value that nobody else writes; {@code endNs} NEVER if its outcome is unknown. */
  public void write(int value, long startNs, long endNs) {
    grow(value);
    if (written[value]) {
      broken.add("value " + value + " is written twice");
    }
    written[value] = true;
    writeStart[value] = startNs;
    writeEnd[value] = endNs;
    zone(value, startNs, endNs);
  }

  /** A read that was answered. */
  public void read(int value, long startNs, long endNs) {
    grow(value);
    read[value] = true;
    zone(value, startNs, endNs);
  }

  private void zone(int value, long startNs, long endNs) {
    firstEnd[value] = Math.min(firstEnd[value], endNs);
    lastStart[value] = Math.max(lastStart[value], startNs);
  }

  /** Null if linearizable; else what is wrong, in words, with the values in it. */
  public String problem() {
    if (!broken.isEmpty()) {
      return broken.get(0);
    }
    int count = 0;
    for (int value = 0; value < valuesEnd; value++) {
      if (read[value] && !written[value]) {
        return "value " + value + " was read and nobody wrote it";
      }
      if (written[value] && firstEnd[value] < writeStart[value]) {
        return "value " + value + " was read before its write began";
      }
      if (isForward(value)) {
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

  private boolean isForward(int value) {
    return written[value] && firstEnd[value] < lastStart[value];
  }

  /** The values of forward zones in order of their begin. */
  private int[] sortedForward(int count, long[] starts) {
    int n = 0;
    for (int value = 0; value < valuesEnd; value++) {
      if (isForward(value)) {
        starts[n++] = firstEnd[value];
      }
    }
    Arrays.sort(starts);
    int[] forward = new int[count];
    int[] used = new int[count];
    for (int value = 0; value < valuesEnd; value++) {
      if (isForward(value)) {
        int at = Arrays.binarySearch(starts, firstEnd[value]);
        while (at > 0 && starts[at - 1] == firstEnd[value]) {
          at--;
        }
        forward[at + used[at]++] = value;
      }
    }
    return forward;
  }

  private String backwardInside(int[] forward, long[] starts) {
    for (int value = 0; value < valuesEnd; value++) {
      boolean counts = written[value] && (read[value] || writeEnd[value] != NEVER);
      if (!counts || isForward(value)) {
        continue;
      }
      // The last forward zone that begins before this one.
      int at = Arrays.binarySearch(starts, lastStart[value]);
      at = at >= 0 ? at : -at - 1;
      while (at > 0 && (at == starts.length || starts[at] >= lastStart[value])) {
        at--;
      }
      boolean inside =
          starts.length > 0
              && starts[at] < lastStart[value]
              && firstEnd[value] < lastStart[forward[at]];
      if (inside) {
        return clash(forward[at], value);
      }
    }
    return null;
  }

  private String clash(int a, int b) {
    return "value "
        + a
        + " (written "
        + time(writeStart[a])
        + " to "
        + time(writeEnd[a])
        + ") was there from "
        + time(firstEnd[a])
        + " to "
        + time(lastStart[a])
        + " at least, and value "
        + b
        + " (written "
        + time(writeStart[b])
        + " to "
        + time(writeEnd[b])
        + ") was there between "
        + time(Math.min(firstEnd[b], lastStart[b]))
        + " and "
        + time(Math.max(firstEnd[b], lastStart[b]));
  }

  private static String time(long ns) {
    if (ns == NEVER) {
      return "never";
    }
    return ns == BEFORE_ALL
        ? "the start"
        : String.format(java.util.Locale.ROOT, "%.6f s", ns / 1e9);
  }
}
